import { CausewayError, type ErrorCode, messageOf } from '@causeway/shared/errors';
import type { Io } from './io.ts';
import { safe } from './print/safe.ts';

/** Exit codes; scripts depend on them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  unreachable: 5,
  timeout: 6,
  degraded: 7,
} as const;

/** Ends a command with an exit code that is not svcctl's own: that of a program in a container. */
export class CommandExit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** One line for every `--help`. */
export const EXIT_CODES_HELP =
  'Exit codes: 0 ok, 1 failure, 2 usage or invalid input, 3 not found, 4 conflict,\n' +
  '  5 controller or etcd unreachable, 6 time-out, 7 degraded';

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  invalid: EXIT.usage,
  'not-found': EXIT.notFound,
  conflict: EXIT.conflict,
  unreachable: EXIT.unreachable,
  timeout: EXIT.timeout,
  degraded: EXIT.degraded,
};

/** @returns the exit code of what went wrong, of several faults that of the first; those without one of their own are plain failures. */
export function exitCodeOf(error: unknown): number {
  const [first] = faultsOf(error);
  return (first instanceof CausewayError ? BY_CODE[first.code] : undefined) ?? EXIT.failure;
}

/** Says on stderr what went wrong: a sentence for each fault. */
export function tellFaults(error: unknown, io: Io): void {
  for (const fault of faultsOf(error)) io.err(`svcctl: ${safe(messageOf(fault))}\n`);
}

function faultsOf(error: unknown): readonly unknown[] {
  return error instanceof AggregateError ? error.errors : [error];
}
