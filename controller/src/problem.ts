import { STATUS_CODES } from 'node:http';
import { CausewayError, type ErrorCode, invalid, messageOf, show } from '@causeway/shared/errors';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isPrecondition } from './if-match.ts';

/** RFC 9457, as every failed request is answered. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('One sentence that says what is wrong and where.'),
    code: z.string(),
    field: z.string().optional().describe('The field of the input that is wrong: `ports[0].port`.'),
    value: z.unknown().optional().describe('The offending value.'),
  })
  .meta({ id: 'Problem' });

export type Problem = z.output<typeof problemSchema>;

export const PROBLEM_TYPE = 'application/problem+json';

/** Longest offending text that is sent back, in characters. */
const SHOWN_VALUE = 300;

export const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 422,
  'not-found': 404,
  conflict: 409,
  exhausted: 409,
  unreachable: 503,
  timeout: 503,
  'command-failed': 500,
  'kernel-rejected': 500,
  unreadable: 500,
  degraded: 500,
  internal: 500,
};

/** Renders any error for the outside; what is not ours and not the caller's fault stays in the log. */
export function problemOf(error: unknown): Problem {
  if (error instanceof CausewayError) {
    return {
      ...head(error.code, statusOf(error), error.message),
      ...(error.field === undefined ? {} : { field: error.field }),
      ...(error.value === undefined ? {} : { value: shortened(error.value) }),
    };
  }
  const status = (error as Partial<FastifyError>).statusCode ?? 500;
  if (status >= 500) return head('internal', 500, 'the controller failed; its log says why');
  return head('invalid', status, messageOf(error));
}

/** Fastify's error handler: one log line for our own failures, a problem for the caller. */
export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(inOurWords(error, request));
  const line = { err: error, method: request.method, url: request.url, status: problem.status };
  if (problem.status >= 500 && problem.status !== 503) request.log.error(line, 'request failed');
  else request.log.debug(line, 'request refused');
  send(reply, problem);
}

export function answerNotFound(request: FastifyRequest, reply: FastifyReply): void {
  send(
    reply,
    head(
      'not-found',
      404,
      `there is no ${request.method} ${show(request.url)} here; /openapi.json lists what there is`,
    ),
  );
}

/** What Fastify refuses by itself, before any route: told by field and value like everything else. */
function inOurWords(error: unknown, request: FastifyRequest): unknown {
  const say = (status: number, field: string, value: unknown, reason: string) =>
    withStatus(status, invalid(field, value, reason));
  switch ((error as Partial<FastifyError>).code) {
    case 'FST_ERR_BAD_URL':
      return say(400, 'the path', request.url, 'has a % that no two hexadecimal digits of UTF-8 text follow');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return say(414, 'the path', request.url, 'has a part that is longer than any name');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return tooLarge(request);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return wrongType(request);
    default:
      return error;
  }
}

/** The answer to a body that does not say that it is what is wanted. */
export function wrongType(
  request: Pick<FastifyRequest, 'headers'>,
  wanted = 'application/json',
): CausewayError {
  const type = request.headers['content-type'] ?? '';
  const message = `the body's Content-Type ${show(type)} is not ${show(wanted)}`;
  return withStatus(415, new CausewayError('invalid', message, { field: 'the body', value: type }));
}

function tooLarge(request: FastifyRequest): CausewayError {
  const length = request.headers['content-length'];
  const size = length === undefined ? 'is larger' : `of ${show(Number(length))} bytes is larger`;
  const message = `the body ${size} than ${request.routeOptions.bodyLimit} bytes, the most that is read`;
  const value = length === undefined ? {} : { value: Number(length) };
  return withStatus(413, new CausewayError('invalid', message, { field: 'the body', ...value }));
}

/** An error that is answered with this status whatever its code says. */
export function withStatus(statusCode: number, error: CausewayError): CausewayError {
  return Object.assign(error, { statusCode });
}

function statusOf(error: CausewayError & { readonly statusCode?: number }): number {
  if (isPrecondition(error)) return 412;
  return error.statusCode ?? STATUS[error.code];
}

function send(reply: FastifyReply, problem: Problem): void {
  // A serializer of the route's own schemas does not know this one.
  reply
    .code(problem.status)
    .type(PROBLEM_TYPE)
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(problem);
}

function head(code: ErrorCode, status: number, detail: string): Problem {
  return {
    type: `urn:causeway:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    code,
  };
}

function shortened(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'string')
    return value.length > SHOWN_VALUE ? `${value.slice(0, SHOWN_VALUE)}…` : value;
  return show(value);
}
