import { readFile, rm } from 'node:fs/promises';
import { CausewayError } from '@causeway/shared/errors';
import { start } from '@causeway/shared/run';
import type { Place } from './places.ts';

export interface ExecResult {
  readonly exitCode: number;
  /** The last line that the command, or runc about it, has printed. */
  readonly said: string;
}

let commands = 0;

/**
 * Runs one command in a container that runs, as the container's own user and in its namespaces. A command that cannot be
 * run at all ends as runc does then: with another code than 0 and a complaint.
 *
 * @throws CausewayError `timeout` when it has not ended in time; it was killed
 */
export async function runcExec(
  runcRoot: string,
  place: Place,
  command: readonly string[],
  timeoutMs: number,
): Promise<ExecResult> {
  commands += 1;
  const pidFile = `${place.bundle}/exec-${process.pid}-${commands}.pid`;
  let said = '';
  const args = ['--root', runcRoot, 'exec', '--pid-file', pidFile, place.name, ...command];
  const runc = start('runc', args, {
    onLine: (line) => {
      said = line.trim() || said;
    },
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    const exit = await Promise.race([runc.exited, late]);
    if (exit !== undefined) return { exitCode: exit.exitCode ?? -1, said };
    await killIn(pidFile);
    runc.kill('SIGKILL');
    throw new CausewayError('timeout', `no end within ${timeoutMs} ms`);
  } finally {
    clearTimeout(timer);
    await rm(pidFile, { force: true });
  }
}

/** Ending runc alone would leave the command in the container. */
async function killIn(pidFile: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (pid <= 0) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it went by itself
  }
}
