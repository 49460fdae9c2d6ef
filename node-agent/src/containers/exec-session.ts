import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { CausewayError, show } from '@causeway/shared/errors';
import { run } from '@causeway/shared/programs/run';
import { type Piped, startPiped } from '@causeway/shared/programs/start';
import { execArguments, inTerminal, type SessionRequest, type TerminalSize } from './exec-command.ts';
import { killTree } from './kill-tree.ts';
import { isContainerName, type Layout, type Place, placeOf } from './places.ts';
import { identify, isAlive, type ProcessId } from './processes.ts';
import { lastError } from './runc.ts';
import { resolveUser } from './users.ts';

/** A command that runs in a container for somebody who talks to it. */
export interface Session {
  readonly stdin: Writable;
  /** What is read has come to its end; in a terminal as Ctrl-D says it. */
  endInput(): void;
  readonly stdout: Readable;
  /** Of a terminal nothing comes here. */
  readonly stderr: Readable;
  /** Resolves when the command has ended, its streams were read to their end, and nobody holds them any more. */
  readonly exited: Promise<SessionEnd>;
  /** To the command and whoever is in its process group. */
  signal(name: NodeJS.Signals): void;
  /** Of a terminal; without one nothing happens. */
  resize(size: TerminalSize): Promise<void>;
  /** Kills the command and all that came of it. @param reason one sentence */
  end(reason: string): void;
}

export interface SessionEnd {
  /** 128 + N for a signal. */
  readonly exitCode: number;
  /** Why it did not end by itself. */
  readonly reason?: string;
}

/** Of whatever was killed from outside: 128 + SIGKILL. */
const KILLED = 137;
/** Files of a session. */
const LEFT = /^exec-\d+-s\d+\.(?:pid|log|tty)$/;
/** Ctrl-D */
const END_OF_INPUT = '\u0004';
/** Between looks whether the command runs, milliseconds. */
const LOOK_MS = 5;

let sessions = 0;
/** Those that are open, by the container's bundle. */
const open = new Map<string, Set<Session>>();

/** Ends all open sessions of a container that is about to be killed. @param reason one sentence */
export function endSessions(place: Place, reason: string): void {
  for (const session of open.get(place.bundle) ?? []) session.end(reason);
}

/**
 * Starts a command in a container that runs.
 *
 * @throws CausewayError `conflict`: the container does not run; `invalid` with the field `command`, `user` or `workdir`:
 *   the container has no such thing; `command-failed`
 */
export async function openSession(runcRoot: string, place: Place, request: SessionRequest): Promise<Session> {
  const init = await firstProcess(runcRoot, place);
  const user = request.user === undefined ? undefined : await resolveUser(init.pid, request.user);
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
  const first = await begun(pidFile, program);
  if (first === undefined) {
    const said = lastError(await readFile(logFile, 'utf8').catch(() => ''));
    for (const stream of [program.stdout, program.stderr]) stream.destroy();
    await forget();
    throw refusal(place.name, request, said ?? 'runc said nothing about it');
  }
  const session = sessionOf({ place, init, first, ttyFile, program, isTerminal: request.tty !== undefined });
  const ofContainer = open.get(place.bundle) ?? new Set();
  open.set(place.bundle, ofContainer.add(session));
  void session.exited.finally(async () => {
    ofContainer.delete(session);
    if (ofContainer.size === 0) open.delete(place.bundle);
    await forget();
  });
  return session;
}

interface Running {
  readonly place: Place;
  readonly init: ProcessId;
  readonly first: number;
  readonly ttyFile: string;
  readonly program: Piped;
  readonly isTerminal: boolean;
}

function sessionOf({ place, init, first, ttyFile, program, isTerminal }: Running): Session {
  let reason: string | undefined;
  const { stdin, stdout, stderr } = program;
  const exited = program.exited.then(async (exit): Promise<SessionEnd> => {
    if (reason !== undefined) return { exitCode: KILLED, reason };
    const exitCode = exit.exitCode ?? KILLED;
    if (exitCode !== KILLED || (await stays(init))) return { exitCode };
    return { exitCode, reason: `container ${place.name} ended while the command ran in it` };
  });
  return {
    ...{ stdin, stdout, stderr, exited },
    endInput: () => void (isTerminal ? stdin.write(END_OF_INPUT) : stdin.end()),
    signal: (name) => {
      try {
        // What runc starts leads a session of its own, and so a process group.
        process.kill(-first, name);
      } catch {
        // It has ended.
      }
    },
    resize: async ({ columns, rows }) => {
      const tty = (await readFile(ttyFile, 'utf8').catch(() => '')).trim();
      if (tty === '') return;
      const args = ['-F', tty, 'rows', String(rows), 'cols', String(columns)];
      await run('stty', args, { doing: 'resizing a terminal' }).catch(() => undefined);
    },
    end: (why) => {
      if (reason !== undefined) return;
      reason = why;
      // Ending runc alone would leave the command in the container.
      void killTree(first, init.pid).finally(() => program.kill('SIGKILL'));
    },
  };
}

/** A container that is killed takes a command with it before it is gone itself. */
async function stays(init: ProcessId): Promise<boolean> {
  for (let looks = 0; looks < 20; looks++) {
    if (!isAlive(init)) return false;
    await delay(LOOK_MS);
  }
  return true;
}

/** Kills what an agent that was killed itself has left running in containers: nobody hears or ends it any more. */
export async function sweepSessions(layout: Layout): Promise<void> {
  for (const name of (await readdir(layout.bundles).catch(() => [])).filter(isContainerName)) {
    const place = placeOf(layout, name);
    const files = (await readdir(place.bundle).catch(() => [])).filter(
      (file) => LEFT.test(file) && !file.startsWith(`exec-${process.pid}-`),
    );
    const pids = files.filter((file) => file.endsWith('.pid'));
    const init =
      pids.length === 0 ? undefined : await firstProcess(layout.runcRoot, place).catch(() => undefined);
    for (const file of pids) {
      const first = Number(await readFile(`${place.bundle}/${file}`, 'utf8').catch(() => '')) || 0;
      if (init !== undefined && first > 0) await killTree(first, init.pid);
    }
    for (const file of files) await rm(`${place.bundle}/${file}`, { force: true });
  }
}

/** @throws CausewayError `conflict` when the container does not run */
async function firstProcess(runcRoot: string, { name }: Place): Promise<ProcessId> {
  const args = ['--root', runcRoot, 'state', name];
  const told = await run('runc', args).then(
    ({ stdout }) => stdout,
    () => '{}',
  );
  const { status = 'gone', pid = 0 }: { status?: string; pid?: number } = JSON.parse(told);
  const init = status === 'running' ? identify(pid) : undefined;
  if (init !== undefined) return init;
  const how = status === 'paused' ? 'is paused' : 'does not run';
  throw new CausewayError('conflict', `running a command in container ${name}: it ${how}`);
}

/** @returns the command's process id once it runs; undefined when it could not be run */
async function begun(pidFile: string, { pid: runc }: Piped): Promise<number | undefined> {
  for (;;) {
    // `exited` waits for readers, who come later.
    const wasOver = identify(runc) === undefined;
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => '')) || 0;
    if (pid > 0) return pid;
    if (wasOver) return undefined;
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
