import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { FastifyRequest } from 'fastify';
import type { App } from './deps.ts';
import { withStatus, wrongType } from './problem.ts';

/** Answers 400, unlike what is well formed but not valid (422). */
const MALFORMED = 400;

/**
 * Bodies are JSON and say so. A page in a browser cannot send that type to another site without asking first,
 * so it cannot write to a controller on the same machine. What takes no body must say so too when a page sends it.
 */
export function readBody(app: App): void {
  app.addHook('onRequest', refusePage);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, parseJson);
  app.addContentTypeParser('*', { parseAs: 'string' }, refuseOther);
}

/** Only browsers send an Origin, and they do so with every request that may write. */
async function refusePage(request: Pick<FastifyRequest, 'method' | 'headers'>): Promise<void> {
  const { origin, 'content-type': type = '' } = request.headers;
  if (origin !== undefined && request.method !== 'GET' && !type.startsWith('application/json'))
    throw wrongType(request);
}

async function parseJson(_request: unknown, body: string | Buffer): Promise<unknown> {
  const text = String(body);
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw bad(`the body is not JSON: ${oneLine(messageOf(error))}`);
  }
}

async function refuseOther(request: unknown, body: string | Buffer): Promise<undefined> {
  // A DELETE of some clients: a type, and nothing of that type.
  if (String(body) === '') return undefined;
  throw wrongType(request as FastifyRequest);
}

function oneLine(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function bad(message: string): CausewayError {
  return withStatus(MALFORMED, new CausewayError('invalid', message, { field: 'the body' }));
}
