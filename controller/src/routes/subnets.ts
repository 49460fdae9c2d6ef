import type { App, Deps } from '../deps.ts';
import { subnetSchema, subnets } from '../objects/subnet.ts';
import { listRoute } from './reads.ts';

export function subnetRoutes(app: App, deps: Deps): void {
  listRoute(app, deps, {
    path: '/v1/subnets',
    tag: 'subnets',
    summary: 'All leases of subnets',
    collection: subnets,
    schema: subnetSchema,
  });
}
