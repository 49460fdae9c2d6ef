import { CausewayError, show } from '@causeway/shared/errors';
import type { App, Deps } from '../deps.ts';
import { etag } from '../if-match.ts';
import { find, list } from '../objects/collection.ts';
import { nodeSchema, nodes } from '../objects/node.ts';
import { listOf, listQuery, nameParams, problems } from '../objects/schemas.ts';
import { watchObjects } from '../watch/events.ts';
import { stream } from '../watch/stream.ts';

export function nodeRoutes(app: App, { view, streams }: Deps): void {
  app.get(
    '/v1/nodes',
    {
      schema: {
        tags: ['nodes'],
        summary: 'All hosts',
        querystring: listQuery,
        response: { 200: listOf(nodeSchema), ...problems },
      },
    },
    async (request, reply) =>
      request.query.watch
        ? stream(request, reply, view, streams, watchObjects(nodes))
        : list(nodes, view, request.query),
  );

  app.get(
    '/v1/nodes/:name',
    {
      schema: {
        tags: ['nodes'],
        summary: 'One host',
        params: nameParams,
        response: { 200: nodeSchema, ...problems },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const node = find(nodes, view.tables, name);
      if (node === undefined) {
        throw new CausewayError('not-found', `there is no host ${show(name)}`, {
          field: 'name',
          value: name,
        });
      }
      reply.header('etag', etag(node.revision));
      return node;
    },
  );
}
