/**
 * The closed union of everything that can go wrong, and the one class that carries it.
 * The text of an error reads "doing X for Y: reason"; where a command was run, the command appears in it.
 */
export const ERROR_CODES = [
  'invalid', // bad input: names the field and the value
  'not-found',
  'conflict', // somebody else has it, or it changed in between
  'exhausted', // no subnet, VIP or NodePort is left
  'unreachable', // etcd, the controller or a host does not answer
  'timeout',
  'command-failed', // an external command ended with a failure
  'kernel-rejected', // the kernel refused a rule set or a route
  'unreadable', // a value in etcd or on disk that does not parse
  'degraded', // works, but not all of it
  'internal',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorDetail {
  /** The field of the input that is wrong, as the user wrote it: `vip`, `ports[0].port`. */
  readonly field?: string;
  /** The offending value, as given. */
  readonly value?: unknown;
  readonly cause?: unknown;
}

/** The only error class of the product. */
export class CausewayError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly value: unknown;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'CausewayError';
    this.code = code;
    this.field = detail.field;
    this.value = detail.value;
  }
}

/** Longest part of a user's value that is repeated in a message, in characters. */
const SHOWN = 60;

/** Renders any input value on one line, quoted and shortened, safe for logs and terminals. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return visible(text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters)` : text);
}

/** What a terminal or a log would obey: controls, line separators, and marks that turn the direction of writing. */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Text of whomever as a part of one line: without what a terminal or a log would obey, which is shown as `\u001b`. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Bad input: one sentence that names the field and the value: `vip "10.10.0.1" is inside …`. */
export function invalid(field: string, value: unknown, reason: string): CausewayError {
  return new CausewayError('invalid', `${field} ${show(value)} ${reason}`, { field, value });
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
