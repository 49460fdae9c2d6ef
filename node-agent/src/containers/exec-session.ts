import { readdir, readFile, rm } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';
import { run } from '@causeway/shared/programs/run';
import { type Begun, beginCommand, SESSION_FILE } from './exec-begin.ts';
import type { SessionRequest, TerminalSize } from './exec-command.ts';
import { killTree } from './kill-tree.ts';
import { isContainerName, type Layout, type Place, placeOf } from './places.ts';
import { identify, isAlive, type ProcessId } from './processes.ts';
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
/** Ctrl-D */
const END_OF_INPUT = '\u0004';
/** Between looks whether a container lives, milliseconds. */
const LOOK_MS = 5;

type Ending = Pick<Session, 'end'>;

/** Those that are open or about to be, by the container's bundle. */
const open = new Map<string, Set<Ending>>();

/** Ends all open sessions of a container that is about to be killed. @param reason one sentence */
export function endSessions(place: Place, reason: string): void {
  for (const session of open.get(place.bundle) ?? []) session.end(reason);
}

/**
 * Starts a command in a container that runs.
 *
 * @param signal nobody wants it any more, before it runs; its reason is a sentence
 * @throws CausewayError `conflict`: the container does not run, or goes away meanwhile; `invalid` with the field `command`,
 *   `user` or `workdir`: the container has no such thing; `command-failed`; `timeout`
 */
export async function openSession(
  runcRoot: string,
  place: Place,
  request: SessionRequest,
  signal?: AbortSignal,
): Promise<Session> {
  const init = await firstProcess(runcRoot, place);
  const user = request.user === undefined ? undefined : await resolveUser(init.pid, request.user);
  const ended = new AbortController();
  const beginning = { end: (reason: string) => ended.abort(reason) };
  const close = keepOpen(place, beginning);
  try {
    const signals = signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal]);
    const begun = await beginCommand(request, { runcRoot, place, init, user, signal: signals });
    const session = sessionOf({ ...begun, place, init, isTerminal: request.tty !== undefined });
    const closeSession = keepOpen(place, session);
    if (signals.aborted) session.end(signals.reason);
    void session.exited.finally(() => {
      closeSession();
      return begun.forget();
    });
    return session;
  } finally {
    close();
  }
}

/** @returns takes it from those that are open */
function keepOpen({ bundle }: Place, one: Ending): () => void {
  const ofContainer = open.get(bundle) ?? new Set();
  open.set(bundle, ofContainer.add(one));
  return () => {
    ofContainer.delete(one);
    if (ofContainer.size === 0 && open.get(bundle) === ofContainer) open.delete(bundle);
  };
}

interface Running extends Omit<Begun, 'forget'> {
  readonly place: Place;
  readonly init: ProcessId;
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
      (file) => SESSION_FILE.test(file) && !file.startsWith(`exec-${process.pid}-`),
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
