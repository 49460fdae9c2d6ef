import { createInterface } from 'node:readline';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { CausewayError, show } from '../errors.ts';
import { spawn } from './spawn.ts';

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
  const child = spawn(program, programArgs, {
    buffer: false,
    stdin: options.writable ? 'pipe' : 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const exited = child.then(exitOf);
  const { pid } = child;
  if (pid === undefined) throw notStarted(command);
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

/** Not with its arguments: somebody's variables may be among them, and more than a kernel takes. */
function notStarted(command: string): CausewayError {
  const told = `starting ${show(command)}: there is no such program, or it was given too much to begin with`;
  return new CausewayError('not-found', told);
}

function exitOf({ signal, exitCode = -1 }: { signal?: string; exitCode?: number }): Exit {
  return signal === undefined ? { exitCode } : { signal };
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
  const child = spawn(command, args, {
    ...{ buffer: false, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', env },
  });
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined) throw notStarted(command);
  const exited = child.then(exitOf);
  stdin.on('error', () => undefined);
  return {
    ...{ pid, exited, stdin, kill: (signal: NodeJS.Signals = 'SIGTERM') => child.kill(signal) },
    // At a program's end Node throws away what nobody has begun to read.
    stdout: stdout.pipe(new PassThrough()),
    stderr: stderr.pipe(new PassThrough()),
  };
}
