import { z } from 'zod';

/** No body at all is as good as an empty one. */
function given<T extends object>(body: T | null | undefined): T | Record<string, never> {
  return body ?? {};
}

const SUBNET_ERROR = 'is not text: a subnet such as "10.10.5.0/24" is needed';
const FLAG_ERROR = 'is neither true nor false';

export const reserveInputSchema = z
  .strictObject({
    subnet: z
      .string({ error: SUBNET_ERROR })
      .optional()
      .describe('Without any subnet: those that the host leases.'),
    subnetIpv6: z.string({ error: 'is not text: a subnet such as "fd00:10:0:5::/64" is needed' }).optional(),
    ahead: z.boolean({ error: FLAG_ERROR }).optional().describe('The host has not joined yet.'),
    renumber: z
      .boolean({ error: FLAG_ERROR })
      .optional()
      .describe('The host may be given other subnets than it uses; its containers are interrupted.'),
  })
  .nullish()
  .transform(given);

export type ReserveInput = z.output<typeof reserveInputSchema>;

export const releaseInputSchema = z
  .strictObject({
    lease: z
      .boolean({ error: FLAG_ERROR })
      .optional()
      .describe(
        'Also give back the subnets that the host leases, and forget the host; it must not be alive.',
      ),
  })
  .nullish()
  .transform(given);

/** What an operation left of a host's reservations and policy. */
export const nodePlanSchema = z
  .object({
    name: z.string(),
    cordoned: z.boolean(),
    drained: z.boolean(),
    reservations: z.array(z.string()).readonly(),
    changed: z.boolean().describe('False: it was so already.'),
    warnings: z.array(z.string()).readonly(),
    revision: z.int().describe('Of the change; 0: there was none.'),
    servicesRevision: z
      .int()
      .describe('What hosts must hold for the services to have followed; 0: none had to.'),
  })
  .meta({ id: 'NodePlan' });

export type NodePlan = z.output<typeof nodePlanSchema>;
