import { CausewayError } from '@causeway/shared/errors';
import { noContainer } from '../container-life.ts';
import type { App, Deps } from '../deps.ts';
import { netStackSchema } from '../objects/net-stack.ts';
import { nameParams, problems } from '../objects/schemas.ts';
import type { Tables } from '../view/tables.ts';

/** What kernels hold, as their hosts' agents see it now. */
export function netStackRoutes(app: App, { view, agents }: Deps): void {
  const ask = async (host: string, path: string) => netStackSchema.parse(await agents.json(host, { path }));
  app.get(
    '/v1/nodes/:name/net',
    {
      schema: {
        tags: ['nodes'],
        summary: 'Links, addresses, routes, neighbours, rules and settings of a host',
        params: nameParams,
        response: { 200: netStackSchema, ...problems },
      },
    },
    async (request) => ask(request.params.name, '/v1/net'),
  );

  app.get(
    '/v1/containers/:name/net',
    {
      schema: {
        tags: ['containers'],
        summary: 'Links, addresses, routes, neighbours, rules and settings of a container',
        description: 'Of one in its host’s network, those of the host.',
        params: nameParams,
        response: { 200: netStackSchema, ...problems },
      },
    },
    async (request) => {
      const { host, owner } = namespaceOf(view.tables, request.params.name);
      if (owner === undefined) return ask(host, '/v1/net');
      return ask(host, `/v1/containers/${owner}/net`);
    },
  );
}

/**
 * @returns the container whose own namespace it is; undefined: the host's
 * @throws CausewayError `not-found`; `conflict` when the container does not run
 */
function namespaceOf(
  { container: specs, containerStatus }: Pick<Tables, 'container' | 'containerStatus'>,
  name: string,
): { readonly host: string; readonly owner: string | undefined } {
  const spec = specs.get(name)?.value;
  if (spec === undefined) throw noContainer(name);
  const { state = 'starting', reason } = containerStatus.get(name)?.value ?? {};
  if (state !== 'running') {
    const why = reason === undefined ? '' : `: ${reason}`;
    const told = `looking at the network of container ${name}: it does not run (${state}${why})`;
    throw new CausewayError('conflict', told);
  }
  const { host, network } = spec;
  if (network?.kind === 'host') return { host, owner: undefined };
  return { host, owner: network?.kind === 'container' ? network.container : name };
}
