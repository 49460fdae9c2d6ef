import { CausewayError, type ErrorCode } from '../errors.ts';

/** What an error says of a command besides the command itself. */
export interface Purpose {
  /** What the command is run for, the start of an error's text: `adding routes`. */
  readonly doing?: string;
  /** Code of the error when the command fails; `command-failed` when absent. */
  readonly failAs?: ErrorCode;
}

/** How a command ended that has failed. */
export interface Failed {
  readonly exitCode?: number | undefined;
  readonly code?: string | undefined;
  readonly cause?: unknown;
  readonly originalMessage?: string | undefined;
  readonly timedOut?: boolean;
  readonly stderr: string;
}

/** Most of a command's complaint that an error repeats, in characters. */
const SHOWN_STDERR = 2_000;

/** What a command that has failed is told as. `timeoutMs`: the time that it had, in milliseconds. */
export function failure(
  command: string,
  args: readonly string[],
  { doing = 'running a command', failAs = 'command-failed' }: Purpose,
  result: Failed,
  timeoutMs = 0,
): CausewayError {
  const told = `${doing}: \`${[command, ...args].join(' ')}\``;
  if (result.timedOut) return new CausewayError('timeout', `${told}: no end after ${timeoutMs} ms`);
  if (result.code === 'ENOENT')
    return new CausewayError('not-found', `${told}: no such program`, { cause: result.cause });
  const how =
    result.exitCode === undefined ? (result.originalMessage ?? 'was killed') : `exit ${result.exitCode}`;
  return new CausewayError(failAs, `${told}: ${how}: ${result.stderr.slice(0, SHOWN_STDERR)}`);
}
