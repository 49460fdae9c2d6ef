import { z } from 'zod';
import type { App, Deps } from '../deps.ts';
import { checkIpam } from '../ipam/check.ts';
import { problems } from '../objects/schemas.ts';

const ipamSchema = z
  .object({
    ok: z.boolean(),
    findings: z.array(z.string()).readonly().describe('What is leaked, doubled, missing or out of range.'),
    checked: z.object({
      services: z.int(),
      vips: z.int(),
      nodePorts: z.int(),
      subnets: z.int(),
      reservations: z.int(),
    }),
  })
  .meta({ id: 'IpamCheck' });

export function ipamRoutes(app: App, { store }: Deps): void {
  app.get(
    '/v1/ipam/check',
    {
      schema: {
        tags: ['about'],
        summary: 'Is everything that was given away given away once, and had by somebody?',
        description:
          'VIPs and NodePorts beside services, claims and reservations beside leases, read from etcd anew.',
        response: { 200: ipamSchema, ...problems },
      },
    },
    async () => checkIpam(store),
  );
}
