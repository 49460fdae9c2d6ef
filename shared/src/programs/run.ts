import { failure, type Purpose } from './failure.ts';
import { spawn } from './spawn.ts';

export interface RunOptions extends Purpose {
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
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Runs one command to its end, without a shell, in the C locale, with a time limit.
 *
 * @throws CausewayError `command-failed` (or `failAs`), `timeout`, `not-found` when the program is missing.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, okCodes = [] } = options;
  const result = await spawn(command, args, {
    timeout: timeoutMs,
    maxBuffer: 512 * 1024 * 1024,
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.outputFd === undefined ? {} : outputTo(options.outputFd)),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const stdout = String(result.stdout ?? '');
  const stderr = String(result.stderr ?? '');
  const exitCode = result.exitCode ?? -1;
  const ended = !result.timedOut && result.code !== 'ENOENT';
  if (ended && (exitCode === 0 || okCodes.includes(exitCode))) return { exitCode, stdout, stderr };
  throw failure(command, args, options, { ...result, stderr: stderr.trim() || stdout.trim() }, timeoutMs);
}

/** execa takes any descriptor, its types know the first ten. */
function outputTo(fd: number): { stdout: 3; stderr: 3 } {
  return { stdout: fd as 3, stderr: fd as 3 };
}
