import type { App, Deps } from '../deps.ts';
import { problems } from '../objects/schemas.ts';
import { statusSchema } from '../objects/status.ts';
import { clusterStatus } from '../status/cluster.ts';

/** Outside of what needs etcd: it is asked for when something is wrong. */
export function statusRoutes(app: App, deps: Deps): void {
  app.get(
    '/v1/status',
    {
      schema: {
        tags: ['about'],
        summary: 'How all of the cluster is, in one answer',
        description: 'Answers without etcd, too: with what was known last, and hosts in the state `unknown`.',
        response: { 200: statusSchema, ...problems },
      },
    },
    async () => clusterStatus(deps),
  );
}
