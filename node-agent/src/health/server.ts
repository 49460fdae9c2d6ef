import { messageOf } from '@causeway/shared/errors';
import fastify, { type FastifyInstance } from 'fastify';
import type { HealthAddress } from '../config.ts';
import type { Logger } from '../logger.ts';
import { healthz, metrics, type Page, readyz, status } from './pages.ts';
import type { HealthState } from './state.ts';

/** The health pages as an application that has no port yet; every page is made from one reading of the state. */
export function buildHealth(read: () => HealthState): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true });
  const serve = (path: string, make: (state: HealthState, query: URLSearchParams) => Page) =>
    app.get(path, (request, reply) => {
      const { searchParams } = new URL(request.url, 'http://localhost');
      const { status: code, type, body } = make(read(), searchParams);
      return reply.code(code).type(type).header('cache-control', 'no-store').send(body);
    });
  serve('/healthz', healthz);
  serve('/readyz', (state, query) => readyz(state, query.has('verbose')));
  serve('/status', status);
  serve('/metrics', metrics);
  app.setNotFoundHandler((_, reply) =>
    reply
      .code(404)
      .type('text/plain; charset=utf-8')
      .send('there are /healthz, /readyz, /status and /metrics\n'),
  );
  return app;
}

/**
 * Serves the pages for as long as the agent runs. An address that cannot be had is a warning: the host's network does
 * not depend on it.
 *
 * @returns ends it
 */
export async function serveHealth(
  read: () => HealthState,
  at: HealthAddress | undefined,
  log: Logger,
): Promise<() => Promise<void>> {
  if (at === undefined) return async () => undefined;
  const app = buildHealth(read);
  try {
    await app.listen({ host: at.host, port: at.port });
    log.debug(at, 'health pages');
  } catch (error) {
    log.warn(
      { ...at, reason: messageOf(error) },
      'the health pages are not served; choose another --health-addr',
    );
  }
  return () => app.close();
}
