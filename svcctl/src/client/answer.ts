import type { IncomingMessage } from 'node:http';
import { CausewayError, type ErrorCode, messageOf } from '@causeway/shared/errors';

/** An answer is whole at its end: that of one who reads no further is closed only with all that was to be sent. */
export function readAll(response: IncomingMessage, told: string): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    response.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
    response.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.once('error', (error) => reject(unreachable(told, error)));
    response.once('close', () => reject(unreachable(told, new Error('the answer was cut off'))));
  });
}

/** @throws CausewayError `unreadable` when it says that it is JSON, and is none */
export function parseBody(text: string, response: IncomingMessage, told: string): unknown {
  if (!/json/.test(response.headers['content-type'] ?? '')) return text;
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CausewayError('unreadable', `${told}: the answer is not JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** etcd's revision that an answer is of; 0 when it says none. */
export function revisionOf(response: IncomingMessage, body: unknown): number {
  const own = (body as { revision?: unknown } | null | undefined)?.revision;
  const header = Number(response.headers['x-causeway-revision'] ?? 0);
  return Math.max(typeof own === 'number' ? own : 0, header || 0);
}

const CODES: readonly ErrorCode[] = [
  ...(['invalid', 'not-found', 'conflict', 'exhausted', 'unreachable', 'timeout'] as const),
  ...(['command-failed', 'kernel-rejected', 'unreadable', 'degraded', 'internal'] as const),
];

/** The controller's problem+json, or what its status alone says. */
export function problem(status: number, body: unknown, told: string): CausewayError {
  const { code, detail, title, field } = (typeof body === 'object' && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  const known = CODES.find((one) => one === code) ?? codeOfStatus(status);
  const sentence = [detail, title].find((text) => typeof text === 'string' && text !== '');
  const text = String(sentence ?? `${told}: the answer is HTTP status ${status}`);
  return new CausewayError(known, text, typeof field === 'string' ? { field } : {});
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 400 || status === 422) return 'invalid';
  if (status === 404) return 'not-found';
  if (status === 409 || status === 412) return 'conflict';
  return status >= 502 && status <= 504 ? 'unreachable' : 'internal';
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: is the controller running?',
  ENOENT: 'there is no such socket: is the controller running?',
  EACCES: 'permission denied: ask as root or as a member of the socket’s group',
  ENOTFOUND: 'the host’s name is unknown',
  EHOSTUNREACH: 'no route to the host',
  ECONNRESET: 'the connection was closed before the answer',
};

/** @param told what was asked of whom */
export function unreachable(told: string, error: unknown): CausewayError {
  const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''] ?? messageOf(error);
  return new CausewayError('unreachable', `${told}: ${reason}`, { cause: error });
}
