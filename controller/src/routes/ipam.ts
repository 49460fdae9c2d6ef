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
      containers: z.int(),
      publishedPorts: z.int(),
      hosts: z.int().describe('Hosts whose kernels were asked what their containers have.'),
    }),
    unasked: z
      .array(z.string())
      .readonly()
      .describe('Why hosts could not be asked: what their kernels have is not known.'),
  })
  .meta({ id: 'IpamCheck' });

export function ipamRoutes(app: App, deps: Deps): void {
  app.get(
    '/v1/ipam/check',
    {
      schema: {
        tags: ['about'],
        summary: 'Is everything that was given away given away once, and had by somebody?',
        description:
          'VIPs and NodePorts beside services, published ports and addresses beside containers and the kernels of their hosts, claims and reservations beside leases, read anew.',
        response: { 200: ipamSchema, ...problems },
      },
    },
    async () => checkIpam(deps),
  );
}
