import { readFile, rm } from 'node:fs/promises';
import { CausewayError } from '@causeway/shared/errors';
import { start } from '@causeway/shared/programs/start';
import { killTree } from './kill-tree.ts';
import type { Place } from './places.ts';

export interface ExecResult {
  readonly exitCode: number;
  /**
   * The last line that the command, or runc about it, has complained with (stderr); of what it has printed where there was no
   * complaint. Which of two streams said something last nobody can tell: each comes through a pipe of its own.
   */
  readonly said: string;
}

let commands = 0;

/** What to run in a container, and for how long. */
export interface ExecRequest {
  readonly command: readonly string[];
  /** After which it is killed, with all that came of it. */
  readonly timeoutMs: number;
  /** Ends it before. */
  readonly signal?: AbortSignal;
}

/**
 * Runs one command in a container that runs, as the container's own user and in its namespaces. A command that cannot be
 * run at all ends as runc does then: with another code than 0 and a complaint.
 *
 * @throws CausewayError `timeout` when it has not ended in time; it was killed, and its children with it
 */
export async function runcExec(
  runcRoot: string,
  place: Place,
  { command, timeoutMs, signal }: ExecRequest,
): Promise<ExecResult> {
  commands += 1;
  const pidFile = `${place.bundle}/exec-${process.pid}-${commands}.pid`;
  const said = { stdout: '', stderr: '' };
  const args = ['--root', runcRoot, 'exec', '--pid-file', pidFile, place.name, ...command];
  const runc = start('runc', args, {
    onLine: (line, stream) => {
      said[stream] = line.trim() || said[stream];
    },
  });
  const late = lateness(timeoutMs, signal);
  try {
    const exit = await Promise.race([runc.exited, late.reason]);
    if (typeof exit !== 'string') return { exitCode: exit.exitCode ?? -1, said: said.stderr || said.stdout };
    // Ending runc alone would leave the command in the container.
    const early = await pidIn(pidFile);
    runc.kill('SIGKILL');
    const [first, init] = [early || (await pidIn(pidFile)), await pidIn(`${place.bundle}/pid`)];
    if (first > 0) await killTree(first, init);
    throw new CausewayError('timeout', exit);
  } finally {
    late.stop();
    await rm(pidFile, { force: true });
  }
}

/** @returns a promise of the reason why something is not waited for any longer */
function lateness(timeoutMs: number, signal: AbortSignal | undefined) {
  let stop = () => {};
  const reason = new Promise<string>((resolve) => {
    const abort = () => resolve('nobody wants to know any more');
    const timer = setTimeout(() => resolve(`no end within ${timeoutMs} ms`), timeoutMs);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
  });
  return { reason, stop };
}

/** @returns 0 where there is none */
async function pidIn(file: string): Promise<number> {
  return Number(await readFile(file, 'utf8').catch(() => '')) || 0;
}
