import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';
import { run } from '@causeway/shared/programs/run';
import { isAlive, type ProcessId } from './processes.ts';

/** A container as runc sees it. */
export interface RuncContainer {
  readonly status: string;
  /** 0 when it has ended. */
  readonly pid: number;
}

/** Names of everything that runc keeps a state of, whole or broken. */
export async function runcNames(runcRoot: string): Promise<readonly string[]> {
  return readdir(runcRoot).catch(() => []);
}

export async function runcList(runcRoot: string): Promise<ReadonlyMap<string, RuncContainer>> {
  const { stdout } = await run('runc', ['--root', runcRoot, 'list', '-f', 'json'], {
    doing: 'listing containers',
  });
  return parseRuncList(stdout);
}

/** PURE. From `runc list -f json`, which prints `null` when there is none. */
export function parseRuncList(json: string): ReadonlyMap<string, RuncContainer> {
  const listed: unknown = JSON.parse(json);
  if (!Array.isArray(listed)) return new Map();
  return new Map(listed.map(({ id, status, pid }: { id: string } & RuncContainer) => [id, { status, pid }]));
}

/** Between looks whether runc's own process has heard of the start, at first and at most, milliseconds. */
const STEP_MS = 1;
const MOST_STEP_MS = 20;
/** Of the time between looks: most programs begin within the first ten of them. */
const GROWTH = 1.1;
/** One that is frozen neither begins nor ends; others wait for it, milliseconds. */
const PATIENCE_MS = 60_000;

/**
 * Lets a container that was made begin with its own program. runc's process in it waits for whoever reads a byte from this
 * pipe, which is all that `runc start` does: a process less for each start.
 *
 * @param init its first process
 * @throws CausewayError `command-failed` when that ends before, `timeout` when it does neither
 */
export async function runcStart(
  runcRoot: string,
  name: string,
  init: ProcessId,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const path = `${runcRoot}/${name}/exec.fifo`;
  const doing = `starting container ${name}`;
  const pipe = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (pipe === undefined) {
    await run('runc', ['--root', runcRoot, 'start', name], { doing });
    return;
  }
  const deadline = performance.now() + patienceMs;
  try {
    for (let step = STEP_MS; ; step = Math.min(GROWTH * step, MOST_STEP_MS)) {
      // A program may have ended by the time that this looks; that it began is in the pipe.
      const wasAlive = isAlive(init);
      if ((await bytesFrom(pipe)) > 0) break;
      if (!wasAlive) throw new CausewayError('command-failed', `${doing}: it ended before its program ran`);
      if (performance.now() > deadline)
        throw new CausewayError('timeout', `${doing}: its program has not begun within ${patienceMs} ms`);
      await delay(step);
    }
    await rm(path, { force: true });
  } finally {
    await pipe.close();
  }
}

async function bytesFrom(pipe: FileHandle): Promise<number> {
  try {
    return (await pipe.read(Buffer.alloc(1))).bytesRead;
  } catch {
    // Whoever writes has opened it, and has not written yet.
    return 0;
  }
}

/** Kills what runs and forgets it. */
export async function runcDelete(runcRoot: string, name: string): Promise<void> {
  await run('runc', ['--root', runcRoot, 'delete', '--force', name], { doing: `removing container ${name}` });
}

/** PURE. The last complaint in a runc log of JSON lines. */
export function lastError(log: string): string | undefined {
  const lines = log.split('\n').flatMap((line) => {
    try {
      const entry: unknown = JSON.parse(line);
      return typeof entry === 'object' && entry !== null ? [entry as { level?: string; msg?: string }] : [];
    } catch {
      return [];
    }
  });
  return lines.findLast(({ level, msg }) => level === 'error' && msg)?.msg;
}
