import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CausewayError } from '@causeway/shared/errors';
import { run } from '@causeway/shared/programs/run';
import { enter } from './namespaces.ts';
import { identify, insidePids, isAlive, type ProcessId, signal, waitGone } from './pids.ts';
import { type Around, environment } from './process.ts';

/** A program that runs on one machine of the lab until it is stopped: `agent` on `host-2`. */
export interface Daemon extends ProcessId {
  /** Milliseconds since 1970; what it reports with an earlier time is its predecessor's. */
  readonly startedAt: number;
}

/** Where a machine's daemons are started: the lab's directory and process 1, and the machine with its holder. */
export interface Place extends Around {
  readonly directory: string;
  readonly init: number;
  readonly member: string;
  readonly holder: number;
}

/** Time that a daemon has to stop in order before it is killed, milliseconds. */
const STOP_TIMEOUT_MS = 10_000;
/** Lines of a log that an error repeats. */
const SHOWN_LINES = 15;

/**
 * Starts a program in a session of its own, with its output in `hosts/MACHINE/log/NAME.log`.
 *
 * @param env what its environment has besides PATH
 * @throws CausewayError `conflict` when it runs already, `command-failed` with the end of its log when it ends at once
 */
export async function startDaemon(
  place: Place,
  name: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Daemon> {
  if (running(place, name) !== undefined)
    throw new CausewayError('conflict', `starting the ${name} on ${place.member}: it is running already`);
  const pidFile = file(place, `${name}.pid`);
  const log = openSync(logFile(place, name), 'a');
  const startedAt = Date.now();
  try {
    const started = ['sh', '-c', 'setsid "$@" & echo $! >"$0"', pidFile, ...argv];
    const [nsenter = '', ...args] = enter(place.holder, started, false);
    await run(nsenter, args, {
      outputFd: log,
      env: { ...env, PATH: environment(place.path).PATH ?? '' },
      doing: `starting the ${name} on ${place.member}`,
    });
  } finally {
    closeSync(log);
  }
  const pid = insidePids(place.init).get(Number(readFileSync(pidFile, 'utf8')));
  const process = pid === undefined ? undefined : identify(pid);
  if (process === undefined) throw ended(place, name);
  const daemon: Daemon = { ...process, startedAt };
  writeFileSync(file(place, `${name}.json`), JSON.stringify(daemon));
  return daemon;
}

/**
 * Stops it and waits for its end. One that does not run is no error.
 *
 * @param how the signal, SIGTERM when absent; what does not end within 10 s is killed
 */
export async function stopDaemon(place: Place, name: string, how: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const daemon = running(place, name);
  if (daemon !== undefined) {
    signal(daemon, how);
    await waitGone(daemon, STOP_TIMEOUT_MS).catch(async () => {
      signal(daemon, 'SIGKILL');
      await waitGone(daemon, STOP_TIMEOUT_MS);
    });
  }
  rmSync(file(place, `${name}.json`), { force: true });
}

/** @returns undefined when it was not started, was stopped, or has ended by itself */
export function running(place: Place, name: string): Daemon | undefined {
  const daemon = recorded(place, name);
  return daemon !== undefined && isAlive(daemon) ? daemon : undefined;
}

/** @throws CausewayError `command-failed` when it was started, not stopped, and yet is gone */
export function assertRunning(place: Place, name: string): void {
  const daemon = recorded(place, name);
  if (daemon !== undefined && !isAlive(daemon)) throw ended(place, name);
}

/** The last lines of its log. */
export function logTail(place: Place, name: string): string {
  try {
    return readFileSync(logFile(place, name), 'utf8').trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
  } catch {
    return '';
  }
}

export function logFile(place: Place, name: string): string {
  return file(place, `log/${name}.log`);
}

function ended(place: Place, name: string): CausewayError {
  const end = logTail(place, name);
  return new CausewayError(
    'command-failed',
    `the ${name} on ${place.member} has ended by itself; the end of ${logFile(place, name)}:\n${end}`,
  );
}

function recorded(place: Place, name: string): Daemon | undefined {
  try {
    return JSON.parse(readFileSync(file(place, `${name}.json`), 'utf8')) as Daemon;
  } catch {
    return undefined;
  }
}

function file(place: Place, name: string): string {
  return join(place.directory, 'hosts', place.member, name);
}
