import { once } from 'node:events';
import { createServer } from 'node:http';
import { messageOf } from '@causeway/shared/errors';
import type { HealthAddress } from '../config.ts';
import type { Logger } from '../logger.ts';
import { healthz, metrics, notFound, notServed, type Page, readyz, status } from './pages.ts';
import type { HealthState } from './state.ts';

type Make = (state: HealthState, query: URLSearchParams) => Page;

const PAGES: ReadonlyMap<string, Make> = new Map<string, Make>([
  ['/healthz', healthz],
  ['/readyz', (state, query) => readyz(state, query.has('verbose'))],
  ['/status', status],
  ['/metrics', metrics],
]);

/** The page that a request asks for, made from one reading of the state. */
export function answer(method: string, url: string, read: () => HealthState): Page {
  const [path = '', query = ''] = url.split('?', 2);
  const make = PAGES.get(path);
  if (make === undefined) return notFound([...PAGES.keys()]);
  if (method !== 'GET' && method !== 'HEAD') return notServed(method);
  return make(read(), new URLSearchParams(query));
}

/**
 * Serves the pages for as long as the agent runs. An address that cannot be had is a warning: the host's network does
 * not depend on it. Node's own server: every host pays for what is loaded here, and four pages need no more.
 *
 * @returns ends it
 */
export async function serveHealth(
  read: () => HealthState,
  at: HealthAddress | undefined,
  log: Logger,
): Promise<() => Promise<void>> {
  if (at === undefined) return async () => undefined;
  const server = createServer((request, reply) => {
    const { status: code, type, body } = answer(request.method ?? '', request.url ?? '', read);
    reply.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' });
    reply.end(request.method === 'HEAD' ? undefined : body);
  });
  try {
    server.listen(at.port, at.host);
    await once(server, 'listening');
    server.on('error', (error) => log.warn({ reason: messageOf(error) }, 'serving the health pages'));
  } catch (error) {
    log.warn(
      { address: at.host, port: at.port, reason: messageOf(error) },
      'the health pages are not served; choose another --health-addr',
    );
    return async () => undefined;
  }
  return async () => {
    server.close();
    server.closeAllConnections();
  };
}
