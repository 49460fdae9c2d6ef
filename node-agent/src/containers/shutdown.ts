import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { run } from '@causeway/shared/programs/run';
import type { Layout } from './places.ts';
import { bootId } from './processes.ts';

/** An orderly shutdown of the host, as the agent saw it begin. */
export interface Shutdown {
  /** Which start of the host it ended. */
  readonly bootId: string;
  /** By the clock of the file system that the monitors write to, milliseconds. */
  readonly at: number;
}

const ASK_MS = 3_000;

/**
 * Notes that the host goes down, if it does: whatever ends from here on does not end by itself. An agent that is ended while
 * its host stays notes nothing. Only systemd can be asked. Never rejects.
 */
export async function noteShutdown({ shutdown }: Layout): Promise<void> {
  try {
    // Any state but `running` is an exit code other than 0.
    const { stdout } = await run('systemctl', ['is-system-running'], { okCodes: [1], timeoutMs: ASK_MS });
    if (stdout.trim() === 'stopping') await writeFile(shutdown, `${bootId()}\n`, { flush: true });
  } catch {
    // A host without systemd: its containers' ends count as their own.
  }
}

/** The host has not gone down after all. */
export async function forgetShutdown(layout: Layout): Promise<void> {
  if ((await readShutdown(layout))?.bootId === bootId()) await rm(layout.shutdown, { force: true });
}

/** @returns undefined when none was noted */
export async function readShutdown({ shutdown }: Layout): Promise<Shutdown | undefined> {
  try {
    return { bootId: (await readFile(shutdown, 'utf8')).trim(), at: (await stat(shutdown)).mtimeMs };
  } catch {
    return undefined;
  }
}

/**
 * PURE. Whether a process went down with its host, although its monitor lived long enough to write how it ended.
 *
 * @param boot in which it was started
 * @param endedAt by the clock of the file system, milliseconds
 * @param now this start of the host
 */
export function wentDownWith(
  last: Shutdown | undefined,
  boot: string | undefined,
  endedAt: number,
  now: string,
): boolean {
  return last !== undefined && last.bootId !== now && last.bootId === boot && endedAt >= last.at;
}
