import { readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** One of a container's processes, in this host's numbers. */
export interface ContainerProcess {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
}

/** A process that forks faster than it is killed is not pursued for ever. */
const MOST_PASSES = 100;
const PASS_MS = 10;

/**
 * Kills a process that was begun inside of a container, and all that came of it: its children and theirs, and whoever has
 * stayed in a session of theirs, also when his parent is gone. Only what is in the container's pid namespace, so that
 * nobody else is meant whose number was given out again.
 *
 * @param first which need not be there any more
 * @param init the container's first process
 */
export async function killTree(first: number, init: number): Promise<void> {
  const namespace = pidNamespaceOf(init);
  if (namespace === undefined) return;
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    const doomed = treeOf(first, processesIn(namespace));
    if (doomed.length === 0) return;
    for (const pid of doomed) kill(pid);
    await delay(PASS_MS);
  }
}

/** PURE. The numbers of a process and of all that came of it, as far as that can be seen. */
export function treeOf(first: number, all: readonly ContainerProcess[]): readonly number[] {
  const [meant, sessions] = [new Set<number>(), new Set([first])];
  for (let before = -1; before < meant.size; ) {
    before = meant.size;
    for (const { pid, parent, session } of all) {
      if (pid !== first && !meant.has(parent) && !sessions.has(session)) continue;
      meant.add(pid);
      sessions.add(session);
    }
  }
  return [...meant];
}

/** Those that live, not those that only wait to be buried. */
function processesIn(namespace: number): readonly ContainerProcess[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).flatMap((pid) => {
    if (pidNamespaceOf(pid) !== namespace) return [];
    const [state, parent, , session] = statOf(pid);
    if (state === undefined || 'ZX'.includes(state)) return [];
    return [{ pid, parent: Number(parent), session: Number(session) }];
  });
}

/** Fields 3 and on of /proc/PID/stat; the second is a name in brackets, and may hold spaces and brackets itself. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function pidNamespaceOf(pid: number): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/pid`).ino;
  } catch {
    return undefined;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it went by itself
  }
}
