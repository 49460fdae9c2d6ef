import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';

/** One process, told apart from a later one with the same number by the time of its start. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly start: number;
}

/** @returns undefined when there is no such process, or only its remains */
export function identify(pid: number): ProcessId | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name in parentheses may hold anything; the state is the first field behind it, the start the twentieth.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, start: Number(fields[19]) };
}

export function isAlive(process: ProcessId): boolean {
  return identify(process.pid)?.start === process.start;
}

export function childrenOf(pid: number): number[] {
  const listed = read(`/proc/${pid}/task/${pid}/children`);
  if (listed !== undefined) return listed.split(' ').filter(Boolean).map(Number);
  return allPids().filter((other) => field(other, 'PPid') === String(pid));
}

/** The lab's processes by the number that they have inside the lab, `init` being the outer number of its process 1. */
export function insidePids(init: number): Map<number, number> {
  const namespace = link(init);
  const found = new Map<number, number>();
  for (const pid of allPids()) {
    if (namespace === undefined || link(pid) !== namespace) continue;
    const inner = field(pid, 'NSpid')?.split('\t').at(-1);
    if (inner !== undefined) found.set(Number(inner), pid);
  }
  return found;
}

/** Sends a signal; a process that is gone already is no error. */
export function signal(process_: ProcessId, name: NodeJS.Signals): void {
  if (!isAlive(process_)) return;
  try {
    process.kill(process_.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Waits for the end of a process that is not our child.
 *
 * @throws CausewayError `timeout`
 */
export async function waitGone(process: ProcessId, timeoutMs: number): Promise<void> {
  await waitFor(
    async () => (isAlive(process) ? undefined : true),
    timeoutMs,
    () => `process ${process.pid} is still there`,
  );
}

/**
 * Asks again and again, without pause at first, until there is an answer.
 *
 * @param lacking what is still missing, for the error's text
 * @throws CausewayError `timeout`
 */
export async function waitFor<T>(
  ask: () => Promise<T | undefined>,
  timeoutMs: number,
  lacking: () => string,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 40)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline)
      throw new CausewayError('timeout', `waiting ${timeoutMs / 1000} s: ${lacking()}`);
    await pause(pauseMs);
  }
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function field(pid: number, name: string): string | undefined {
  const status = read(`/proc/${pid}/status`);
  return new RegExp(`^${name}:\\s+(.+)$`, 'm').exec(status ?? '')?.[1];
}

function link(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
