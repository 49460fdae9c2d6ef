import type { App, Deps } from '../deps.ts';
import { list } from '../objects/collection.ts';
import { reservationSchema, reservations } from '../objects/reservation.ts';
import { listOf, listQuery, problems } from '../objects/schemas.ts';
import { watchObjects } from '../watch/events.ts';
import { stream } from '../watch/stream.ts';

export function reservationRoutes(app: App, { view, streams }: Deps): void {
  app.get(
    '/v1/reservations',
    {
      schema: {
        tags: ['subnets'],
        summary: 'All subnets that are bound to a host',
        querystring: listQuery,
        response: { 200: listOf(reservationSchema), ...problems },
      },
    },
    async (request, reply) =>
      request.query.watch
        ? stream(request, reply, view, streams, watchObjects(reservations))
        : list(reservations, view, request.query),
  );
}
