import { pipeline } from 'node:stream/promises';
import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { z } from 'zod';
import { openingHeaders, passOn } from '../agents/pass.ts';
import { checkUpgrade, takeConnection } from '../agents/upgrades.ts';
import { noContainer } from '../container-life.ts';
import type { App, Deps } from '../deps.ts';
import { flag, nameParams, problems } from '../objects/schemas.ts';

/** After a container's deletion its host has removed it, with its log, within this time, milliseconds. */
const REMOVAL_MS = 30_000;

/** What is asked of a container's host: commands in it, and what it has printed. */
export function containerSessionRoutes(app: App, deps: Deps): void {
  execRoute(app, deps);
  logRoute(app, deps);
}

function execRoute(app: App, { view, agents, streams }: Deps): void {
  app.get(
    '/v1/containers/:name/exec',
    {
      schema: {
        tags: ['containers'],
        summary: 'Run a command in a container',
        description:
          'A WebSocket of the protocol causeway.exec.v1 with the agent of the container’s host (shared/src/exec-frames.ts); 426 without one.',
        params: nameParams,
        response: { ...problems },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      checkUpgrade(request.raw);
      const { host } = ownContainer(view.tables.container.get(name)?.value, name, 'running a command in');
      const headers = openingHeaders(request.headers);
      const agent = await agents.upgrade(host, { path: `/v1/containers/${name}/exec`, headers });
      reply.hijack();
      const client = takeConnection(request.raw, reply.raw);
      const forget = streams.add(passOn(client, agent));
      agent.socket.once('close', forget);
    },
  );
}

const logQuery = z.strictObject({
  follow: flag.describe('Go on with what comes, until the container is removed.'),
  tail: z
    .string()
    .regex(/^\d{1,7}$/, { error: 'is not a number of lines' })
    .optional()
    .describe('So many last lines.'),
  since: z.iso
    .datetime({ offset: true, error: 'is not a time like 2026-01-31T12:00:00Z' })
    .optional()
    .describe('Nothing older.'),
  sinceSeconds: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,3})?$/, { error: 'is not a number of seconds' })
    .optional()
    .describe('Nothing older, counted back by the clock of the container’s host.'),
});

function logRoute(app: App, { view, agents, streams }: Deps): void {
  app.get(
    '/v1/containers/:name/log',
    {
      schema: {
        tags: ['containers'],
        summary: 'What a container has printed',
        description:
          'Lines `TIME stdout|stderr F|P TEXT`: after P the line of the program goes on. Empty ones say that the connection stands.',
        params: nameParams,
        querystring: logQuery,
        response: { 200: z.string(), ...problems },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { host } = ownContainer(view.tables.container.get(name)?.value, name, 'reading the log of');
      const { follow, ...rest } = request.query;
      const query = new URLSearchParams(follow ? { follow: 'true' } : {});
      for (const [field, value] of Object.entries(rest)) if (value !== undefined) query.set(field, value);
      const path = `/v1/containers/${name}/log?${query}`;
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const { body } = await agents.request(host, { path, signal: gone.signal });
      const forget = streams.add(() => body.destroy());
      const unheard = view.subscribe(({ changes }) => {
        const isGone = changes.some(({ kind, id, after }) => kind === 'container' && id === name && !after);
        // Its host ends it with the log; of one that has never run there is none.
        if (isGone) setTimeout(() => body.destroy(), REMOVAL_MS).unref();
      });
      body.once('close', () => {
        forget();
        unheard();
      });
      reply.hijack();
      reply.raw.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' });
      reply.raw.flushHeaders();
      // Whoever is cut off sees it: the answer has no end then.
      await pipeline(body, reply.raw).catch(() => reply.raw.destroy());
    },
  );
}

/** @throws CausewayError when there is none, or it is a container of others */
function ownContainer(spec: ContainerSpec | undefined, name: string, doing: string): ContainerSpec {
  if (spec === undefined) throw noContainer(name);
  if (spec.attach === undefined) return spec;
  const { kind, id } = spec.attach;
  throw new CausewayError(
    'conflict',
    `${doing} container ${name}: it is ${kind}:${id}, which is run by others; ask there`,
  );
}
