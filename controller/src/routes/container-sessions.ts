import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { openingHeaders, passOn } from '../agents/pass.ts';
import { checkUpgrade, takeConnection } from '../agents/upgrades.ts';
import { noContainer } from '../container-life.ts';
import type { App, Deps } from '../deps.ts';
import { nameParams, problems } from '../objects/schemas.ts';

/** What is asked of a container's host: commands in it, and what it has printed. */
export function containerSessionRoutes(app: App, deps: Deps): void {
  execRoute(app, deps);
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
      client.socket.once('close', forget);
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
    `${doing} container ${name}: it is ${kind}:${id}, which ${kind} runs; ask there`,
  );
}
