import { z } from 'zod';
import { nameSchema } from './input.ts';
import { labelsSchema } from './labels-input.ts';

const ADDRESSES_ERROR = 'is not a list of addresses: one of each family at most is needed';

/** What a user sends to register a workload. Rules that need to know the cluster are the controller's. */
export const workloadInputSchema = z
  .strictObject({
    name: nameSchema.describe("Unique in the cluster, among containers' names, too."),
    addresses: z
      .array(z.string({ error: 'is not an address: text such as "203.0.113.8" or "fd00::8" is needed' }), {
        error: ADDRESSES_ERROR,
      })
      .min(1, { error: 'is empty: an address is needed' })
      .max(2, { error: 'has more than one address of each family' })
      .describe('Where it answers: an IPv4 address, an IPv6 address or both.'),
    labels: labelsSchema.default({}).describe('What services select by.'),
  })
  .meta({ id: 'WorkloadDefinition' });

export type WorkloadInput = z.input<typeof workloadInputSchema>;
export type ParsedWorkloadInput = z.output<typeof workloadInputSchema>;
