import { z } from 'zod';
import type { App, Deps } from '../deps.ts';
import { page } from '../objects/collection.ts';
import { eventId, eventObjects, eventSchema } from '../objects/event.ts';
import { listOf, listQuery, problems } from '../objects/schemas.ts';
import { watchNodeEvents } from '../watch/events.ts';
import { stream } from '../watch/stream.ts';

const eventQuery = listQuery.extend({
  host: z
    .string()
    .max(100, { error: 'is too long for a name' })
    .optional()
    .describe('Only those of this host.'),
});

export function eventRoutes(app: App, { view, streams }: Deps): void {
  app.get(
    '/v1/events',
    {
      schema: {
        tags: ['nodes'],
        summary: 'What happened to hosts, oldest first',
        description: 'Each host keeps its last ones.',
        querystring: eventQuery,
        response: { 200: listOf(eventSchema), ...problems },
      },
    },
    async (request, reply) => {
      const { host, watch } = request.query;
      if (watch) return stream(request, reply, view, streams, watchNodeEvents(host));
      const { part, next } = page(eventObjects(view.tables, host), eventId, request.query);
      return { items: part, revision: view.revision('causeway'), ...next };
    },
  );
}
