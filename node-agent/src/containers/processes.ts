import { readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';

/** A process that cannot be mistaken for a later one with the same number, not even after a reboot. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since the boot, field 22 of /proc/PID/stat. */
  readonly startTime: string;
  readonly bootId: string;
}

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** Time for the kernel to end a killed process, and between looks at it, milliseconds. */
const KILL_PATIENCE_MS = 10_000;
const KILL_STEP_MS = 10;

/** @returns undefined when there is no such process, or only its corpse. */
export function identify(pid: number): ProcessId | undefined {
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return undefined;
    return { pid, startTime: stat.startTime, bootId: bootId() };
  } catch {
    return undefined;
  }
}

let thisBoot: string | undefined;

/** Which start of the host this is. */
export function bootId(): string {
  thisBoot ??= readFileSync(BOOT_ID, 'utf8').trim();
  return thisBoot;
}

export function isAlive(id: ProcessId): boolean {
  const found = identify(id.pid);
  return found !== undefined && found.startTime === id.startTime && found.bootId === id.bootId;
}

/**
 * Kills a container's first process, and so, its pid namespace being gone, all of the container's.
 *
 * @returns false when it was dead already
 * @throws CausewayError `timeout`
 */
export async function killAndWait(id: ProcessId): Promise<boolean> {
  if (!isAlive(id)) return false;
  try {
    process.kill(id.pid, 'SIGKILL');
  } catch {
    // it went by itself
  }
  for (let waited = 0; isAlive(id); waited += KILL_STEP_MS) {
    if (waited >= KILL_PATIENCE_MS)
      throw new CausewayError(
        'timeout',
        `killing process ${id.pid}: it still runs after ${KILL_PATIENCE_MS} ms`,
      );
    await delay(KILL_STEP_MS);
  }
  return true;
}

/** @returns false when it has ended already */
export function signalProcess(id: ProcessId, signal: number | NodeJS.Signals): boolean {
  if (!isAlive(id)) return false;
  try {
    process.kill(id.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Kills a process and everything that has come of it and is still its descendant. They are stopped first, so that none can
 * leave another one behind; and all are killed before the death of any is waited for: whoever dies meanwhile would leave
 * them stopped for ever.
 */
export async function killFamily(id: ProcessId): Promise<void> {
  const family = new Map<number, ProcessId>();
  for (let before = -1; before < family.size; ) {
    before = family.size;
    for (const pid of [id.pid, ...descendantsOf(id.pid)]) {
      const member = pid === id.pid ? id : identify(pid);
      if (family.has(pid) || member === undefined) continue;
      if (signalProcess(member, 'SIGSTOP')) family.set(pid, member);
    }
  }
  for (const member of family.values()) signalProcess(member, 'SIGKILL');
  for (const member of family.values()) await killAndWait(member);
}

function descendantsOf(pid: number): readonly number[] {
  const children = childrenOf(pid);
  return [...children, ...children.flatMap(descendantsOf)];
}

function childrenOf(pid: number): readonly number[] {
  try {
    const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return listed.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** The process whose number a file holds, if its command line has this word; undefined: it has ended, or is another. */
export function processIn(pidFile: string, word: string): ProcessId | undefined {
  try {
    const id = identify(Number(readFileSync(pidFile, 'utf8')));
    if (id === undefined) return undefined;
    return readFileSync(`/proc/${id.pid}/cmdline`, 'utf8').split('\0').includes(word) ? id : undefined;
  } catch {
    return undefined;
  }
}

/** The inode of a process's network namespace, which is the namespace's identity. */
export function netnsOfProcess(pid: number): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/net`).ino;
  } catch {
    return undefined;
  }
}

/** It is on its way out: the kernel takes a process's namespaces before it is dead to others. */
export function isLeaving(pid: number): boolean {
  try {
    statSync(`/proc/${pid}/ns/net`);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
  }
}

/**
 * First processes of pid namespaces in a network namespace: containers that nobody remembers. None of this process's
 * own network namespace, where every host-network container of others would be found.
 */
export function firstProcessesIn(netns: number): readonly ProcessId[] {
  if (netns === netnsOfProcess(process.pid)) return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .map(Number)
    .filter((pid) => netnsOfProcess(pid) === netns && isFirst(pid))
    .flatMap((pid) => identify(pid) ?? []);
}

function isFirst(pid: number): boolean {
  try {
    return /^NSpid:.*\s1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** PURE. The second field is the program's name in brackets, and may hold spaces and brackets itself. */
export function parseStat(text: string): { state: string; startTime: string } | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return state === undefined || startTime === undefined ? undefined : { state, startTime };
}
