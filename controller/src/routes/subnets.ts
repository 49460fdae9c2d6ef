import type { App, Deps } from '../deps.ts';
import { list } from '../objects/collection.ts';
import { listOf, listQuery, problems } from '../objects/schemas.ts';
import { subnetSchema, subnets } from '../objects/subnet.ts';
import { watchObjects } from '../watch/events.ts';
import { stream } from '../watch/stream.ts';

export function subnetRoutes(app: App, { view, streams }: Deps): void {
  app.get(
    '/v1/subnets',
    {
      schema: {
        tags: ['subnets'],
        summary: 'All leases of subnets',
        querystring: listQuery,
        response: { 200: listOf(subnetSchema), ...problems },
      },
    },
    async (request, reply) =>
      request.query.watch
        ? stream(request, reply, view, streams, watchObjects(subnets))
        : list(subnets, view, request.query),
  );
}
