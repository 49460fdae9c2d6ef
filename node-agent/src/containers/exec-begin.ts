import { mkdir, readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { CausewayError, show } from '@causeway/shared/errors';
import { type Piped, startPiped } from '@causeway/shared/programs/start';
import { execArguments, inTerminal, type SessionRequest } from './exec-command.ts';
import { killTree } from './kill-tree.ts';
import type { Place } from './places.ts';
import { identify, killFamily, type ProcessId } from './processes.ts';
import { lastError } from './runc.ts';

/** A command that runs in a container, and the runc that it hangs on. */
export interface Begun {
  readonly program: Piped;
  /** The command's own process, in this host's numbers. */
  readonly first: number;
  /** Has the name of its terminal. */
  readonly ttyFile: string;
  /** Removes what was noted of it. */
  forget(): Promise<unknown>;
}

/** Where a command begins, and for whom. */
export interface Beginning {
  readonly runcRoot: string;
  readonly place: Place;
  /** The container's first process. */
  readonly init: ProcessId;
  /** `UID[:GID]` */
  readonly user: string | undefined;
  /** Nobody wants it any more; its reason is a sentence. */
  readonly signal: AbortSignal;
}

/** Files of a session, in its container's bundle. */
export const SESSION_FILE = /^exec-\d+-s\d+\.(?:pid|log|tty)$/;
/** Between looks whether the command runs, milliseconds. */
const LOOK_MS = 5;
/** A host that is busy beyond measure begins a command in less, milliseconds; a runc that hangs does not at all. */
const PATIENCE_MS = 60_000;

let sessions = 0;

/**
 * Has runc begin a command, and waits until it runs.
 *
 * @throws CausewayError `invalid` or `command-failed` as runc refuses it, `timeout` when runc says nothing at all,
 *   `conflict` with the signal's reason: runc and all that came of it were killed then
 */
export async function beginCommand(
  request: SessionRequest,
  { runcRoot, place, init, user, signal }: Beginning,
): Promise<Begun> {
  sessions += 1;
  const files = `${place.bundle}/exec-${process.pid}-s${sessions}`;
  const [pidFile, logFile, ttyFile] = [`${files}.pid`, `${files}.log`, `${files}.tty`];
  await mkdir(place.bundle, { recursive: true });
  const args = execArguments(request, { runcRoot, name: place.name, pidFile, logFile, user });
  const [command, commandArgs] =
    request.tty === undefined ? ['runc', args] : inTerminal(['runc', ...args], ttyFile, request.tty);
  const program = startPiped(command, commandArgs, { SHELL: '/bin/sh' });
  // A terminal stays open for what is typed; what has nothing to read without one sees the end at once.
  if (!request.stdin && request.tty === undefined) program.stdin.end();
  const forget = () => Promise.all([pidFile, logFile, ttyFile].map((file) => rm(file, { force: true })));
  try {
    const first = await begun(pidFile, program, { place, init, signal });
    if (first !== undefined) return { program, first, ttyFile, forget };
    const said = lastError(await readFile(logFile, 'utf8').catch(() => ''));
    throw refusal(place.name, request, said ?? 'runc said nothing about it');
  } catch (error) {
    for (const stream of [program.stdout, program.stderr]) stream.destroy();
    await forget();
    throw error;
  }
}

/** @returns the command's process id once it runs; undefined when it could not be run */
async function begun(
  pidFile: string,
  { pid: runc }: Piped,
  { place, init, signal }: Pick<Beginning, 'place' | 'init' | 'signal'>,
): Promise<number | undefined> {
  const doing = `running a command in container ${place.name}`;
  const late = performance.now() + PATIENCE_MS;
  for (;;) {
    // `exited` waits for readers, who come later.
    const program = identify(runc);
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => '')) || 0;
    if (pid > 0 && !signal.aborted) return pid;
    if (program === undefined && pid === 0) return undefined;
    const isLate = performance.now() > late;
    if (signal.aborted || isLate) {
      // What cannot be killed at once is not waited for.
      if (program !== undefined) void killFamily(program).catch(() => undefined);
      // What the command has left behind is no descendant of runc's.
      if (pid > 0) void killTree(pid, init.pid).catch(() => undefined);
      if (!isLate) throw new CausewayError('conflict', `${doing}: ${signal.reason}`);
      throw new CausewayError('timeout', `${doing}: runc has not begun it after ${PATIENCE_MS / 1_000} s`);
    }
    await delay(LOOK_MS);
  }
}

/** PURE. runc's words in ours. */
export function refusal(
  name: string,
  { command, workdir, user }: SessionRequest,
  said: string,
): CausewayError {
  const [program = ''] = command;
  const doing = `running a command in container ${name}`;
  const invalid = (field: string, value: unknown, reason: string) =>
    new CausewayError('invalid', `${doing}: ${reason}`, { field, value });
  if (/chdir|cwd/.test(said))
    return invalid('workdir', workdir, `it has no directory ${show(workdir ?? 'that its image names')}`);
  if (/setup user/.test(said))
    return invalid(
      'user',
      user,
      `user ${show(user ?? 'of its image')} is none that this host's user namespace has`,
    );
  if (/executable file not found|no such file or directory/.test(said))
    return invalid('command', program, `it has no program ${show(program)}`);
  if (/permission denied|is a directory|exec format error/.test(said))
    return new CausewayError(
      'command-failed',
      `${doing}: ${show(program)} cannot be run: ${said.split(': ').at(-1)}`,
      {
        field: 'command',
        value: program,
      },
    );
  return new CausewayError('command-failed', `${doing}: ${said}`);
}
