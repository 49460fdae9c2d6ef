import type { App, Deps } from '../deps.ts';
import { reservationSchema, reservations } from '../objects/reservation.ts';
import { listRoute } from './reads.ts';

export function reservationRoutes(app: App, deps: Deps): void {
  listRoute(app, deps, {
    path: '/v1/reservations',
    tag: 'subnets',
    summary: 'All subnets that are bound to a host',
    collection: reservations,
    schema: reservationSchema,
  });
}
