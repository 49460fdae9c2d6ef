import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough, Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { execa, type Options } from 'execa';
import { CausewayError, type ErrorCode, show } from './errors.ts';

export interface RunOptions {
  /** Text for the command's standard input. */
  readonly input?: string;
  /** Default 30,000 ms; the command is killed after it. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Open file that takes the command's output and complaints instead of the result, also after its end (daemons). */
  readonly outputFd?: number;
  /** Exit codes that are no failure, besides 0. */
  readonly okCodes?: readonly number[];
  /** What the command is run for, the start of an error's text: `adding routes`. */
  readonly doing?: string;
  /** Code of the error when the command fails; `command-failed` when absent. */
  readonly failAs?: ErrorCode;
}

/** What `through` knows of a program: as `RunOptions`. */
export type ThroughOptions = Pick<RunOptions, 'cwd' | 'doing' | 'failAs'>;

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** An ordinary user's PATH on Debian lacks the directories of runc, nft and ip. */
const SEARCH_PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(':');
/** Most of a command's complaint that an error repeats, in characters. */
const SHOWN_STDERR = 2_000;

/**
 * Runs one command without a shell, in the C locale, with a time limit: the only door to other programs.
 *
 * @throws CausewayError `command-failed` (or `failAs`), `timeout`, `not-found` when the program is missing.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const execaOptions: Options & { reject: false; stripFinalNewline: false } = {
    reject: false,
    stripFinalNewline: false,
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    env: { LC_ALL: 'C', PATH: SEARCH_PATH, ...options.env },
    maxBuffer: 512 * 1024 * 1024,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.outputFd === undefined ? {} : outputTo(options.outputFd)),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  };
  const result = await execa(command, [...args], execaOptions);
  const stdout = String(result.stdout ?? '');
  const stderr = String(result.stderr ?? '');
  const exitCode = result.exitCode ?? -1;
  const ended = !result.timedOut && result.code !== 'ENOENT';
  if (!ended || (exitCode !== 0 && !options.okCodes?.includes(exitCode)))
    throw failure(
      command,
      args,
      options,
      { ...result, stderr: stderr.trim() || stdout.trim() },
      execaOptions.timeout,
    );
  return { exitCode, stdout, stderr };
}

interface Failed {
  readonly exitCode?: number | undefined;
  readonly code?: string | undefined;
  readonly cause?: unknown;
  readonly originalMessage?: string | undefined;
  readonly timedOut?: boolean;
  readonly stderr: string;
}

/** What a command that has failed is told as. */
function failure(
  command: string,
  args: readonly string[],
  options: Pick<RunOptions, 'doing' | 'failAs'>,
  result: Failed,
  timeoutMs = 0,
): CausewayError {
  const told = `${options.doing ?? 'running a command'}: \`${[command, ...args].join(' ')}\``;
  if (result.timedOut) return new CausewayError('timeout', `${told}: no end after ${timeoutMs} ms`);
  if (result.code === 'ENOENT')
    return new CausewayError('not-found', `${told}: no such program`, { cause: result.cause });
  const how =
    result.exitCode === undefined ? (result.originalMessage ?? 'was killed') : `exit ${result.exitCode}`;
  const complaint = result.stderr.slice(0, SHOWN_STDERR);
  return new CausewayError(options.failAs ?? 'command-failed', `${told}: ${how}: ${complaint}`);
}

/**
 * A command as a part of a pipeline: reads `source`, yields what it prints. It has no time limit, and is killed when
 * nobody reads on.
 *
 * @throws what `source` throws; CausewayError as `run`
 */
export async function* through(
  source: AsyncIterable<Uint8Array>,
  command: string,
  args: readonly string[],
  options: ThroughOptions = {},
): AsyncGenerator<Buffer> {
  const child = execa(command, [...args], {
    reject: false,
    encoding: 'buffer',
    buffer: { stdout: false, stderr: true },
    stdin: 'pipe',
    stripFinalNewline: false,
    env: { LC_ALL: 'C', PATH: SEARCH_PATH },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let broken: unknown;
  const fed = pipeline(source, child.stdin).catch((error: NodeJS.ErrnoException) => {
    // A command that reads no further says by its exit code whether it had enough.
    if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    broken = error;
    child.kill('SIGKILL');
  });
  try {
    for await (const chunk of child.stdout) yield Buffer.from(chunk);
    await fed;
    if (broken !== undefined) throw broken;
    const result = await child;
    if (result.exitCode !== 0)
      throw failure(command, args, options, { ...result, stderr: textOf(result.stderr) });
  } finally {
    child.kill('SIGKILL');
    await child;
  }
}

function textOf(bytes: unknown): string {
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString().trim() : '';
}

/** A program that goes into the background by itself, and says there how its start went. */
export interface LaunchOptions {
  /** What it is run for, the start of an error's text. */
  readonly doing: string;
  /** Name of the variable that tells it the number of the descriptor on which it says a line. */
  readonly reportTo: string;
  readonly env?: Readonly<Record<string, string>>;
  /** For the line, milliseconds. */
  readonly timeoutMs: number;
}

/** Of the descriptor, in the program that is launched. */
const REPORT_FD = 3;

/**
 * Starts a program that outlives this one.
 *
 * @returns the first line that it says on its descriptor; nothing is listened to after that
 * @throws CausewayError `not-found`, `command-failed` when it ends without a word, `timeout`
 */
export async function launch(
  command: string,
  args: readonly string[],
  { doing, reportTo, env, timeoutMs }: LaunchOptions,
): Promise<string> {
  const told = `${doing}: \`${[command, ...args].join(' ')}\``;
  const child = execa(command, [...args], {
    ...{ reject: false, buffer: false, cleanup: false, detached: true },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { LC_ALL: 'C', PATH: SEARCH_PATH, [reportTo]: String(REPORT_FD), ...env },
  });
  const report = child.stdio[REPORT_FD];
  if (child.pid === undefined || !(report instanceof Readable))
    throw new CausewayError('not-found', `${told}: no such program, or it cannot be run`);
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint += String(chunk);
  });
  try {
    return await firstLine(report, timeoutMs, told);
  } catch (cause) {
    if (cause instanceof CausewayError) throw cause;
    throw new CausewayError('command-failed', `${told}: ${complaint.trim() || 'it ended without a word'}`);
  } finally {
    report.destroy();
    child.stderr?.destroy();
    child.unref();
  }
}

/** @throws Error when it ends before */
function firstLine(stream: Readable, timeoutMs: number, told: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = () => reject(new CausewayError('timeout', `${told}: no word within ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    stream.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('\n')) settle(() => resolve(text.slice(0, text.indexOf('\n'))));
    });
    stream.on('end', () => settle(() => reject(new Error('no line'))));
    stream.on('error', (error) => settle(() => reject(error)));
  });
}

/** @returns where `run` finds a program; undefined: nowhere */
export function pathOf(program: string): string | undefined {
  return SEARCH_PATH.split(':')
    .map((directory) => join(directory, program))
    .find(isExecutable);
}

/** Whether `run` finds a program. Looked up each time: others' packages bring programs, and take them away again. */
export function isInstalled(program: string): boolean {
  return pathOf(program) !== undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** execa takes any descriptor, its types know the first ten. */
function outputTo(fd: number): { stdout: 3; stderr: 3 } {
  return { stdout: fd as 3, stderr: fd as 3 };
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Each line that the program prints, without its end of line, as it comes. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /**
   * True: the kernel kills the program (SIGKILL) when this process dies, however it dies (`setpriv --pdeathsig`).
   * Otherwise it is ended with SIGTERM only when this process exits in order.
   */
  readonly dieWithParent?: boolean;
  /** True: the program's standard input stays open for `write`; otherwise it has none. */
  readonly writable?: boolean;
}

export interface Exit {
  /** Absent when a signal ended it. */
  readonly exitCode?: number;
  readonly signal?: string;
}

/** A program that runs until it is told to stop. */
export interface Started {
  readonly pid: number;
  /** Resolves when the program has ended; never rejects. */
  readonly exited: Promise<Exit>;
  /** Sends a signal, SIGTERM when none is named; false when the program has ended already. */
  kill(signal?: NodeJS.Signals): boolean;
  /** Hands text to the program's standard input; what it no longer reads is lost. Only with `writable`. */
  write(text: string): void;
}

/**
 * Starts a long-running program without a shell, in the C locale, and hands its output over line by line.
 *
 * @throws CausewayError `not-found` when the program is missing, `command-failed` when it cannot be started.
 */
export function start(command: string, args: readonly string[], options: StartOptions = {}): Started {
  const [program, programArgs] = options.dieWithParent
    ? ['setpriv', ['--pdeathsig', 'KILL', '--', command, ...args]]
    : [command, [...args]];
  const told = `starting a program: \`${[command, ...args].join(' ')}\``;
  const child = execa(program, programArgs, {
    reject: false,
    buffer: false,
    stdin: options.writable ? 'pipe' : 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    env: { LC_ALL: 'C', PATH: SEARCH_PATH, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const exited = child.then((result): Exit => {
    if (result.signal !== undefined) return { signal: result.signal };
    return { exitCode: result.exitCode ?? -1 };
  });
  const { pid } = child;
  if (pid === undefined)
    throw new CausewayError('not-found', `${told}: no such program, or it cannot be run`);
  for (const stream of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[stream] }).on('line', (line) => options.onLine?.(line, stream));
  }
  const { stdin } = child;
  stdin?.on('error', () => undefined);
  return {
    pid,
    exited,
    kill: (signal = 'SIGTERM') => child.kill(signal),
    write: (text) => void stdin?.write(text),
  };
}

/** A program whose standard streams are this process's to use, byte for byte. */
export interface Piped extends Omit<Started, 'write'> {
  readonly stdin: Writable;
  /** Both must be read or destroyed, or `exited` never resolves. */
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/**
 * Starts a program without a shell, in the C locale, and hands out its standard streams.
 *
 * @throws CausewayError `not-found` when the program is missing or cannot be started.
 */
export function startPiped(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Piped {
  const child = execa(command, [...args], {
    ...{ reject: false, buffer: false, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
    env: { LC_ALL: 'C', PATH: SEARCH_PATH, ...env },
  });
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined) {
    // Not with its arguments: somebody's variables may be among them, and more than a kernel takes.
    const told = `starting ${show(command)}: there is no such program, or it was given too much to begin with`;
    throw new CausewayError('not-found', told);
  }
  const exited = child.then(
    ({ signal, exitCode }): Exit => (signal === undefined ? { exitCode: exitCode ?? -1 } : { signal }),
  );
  stdin.on('error', () => undefined);
  return {
    ...{ pid, exited, stdin, kill: (signal: NodeJS.Signals = 'SIGTERM') => child.kill(signal) },
    // At a program's end Node throws away what nobody has begun to read.
    stdout: stdout.pipe(new PassThrough()),
    stderr: stderr.pipe(new PassThrough()),
  };
}
