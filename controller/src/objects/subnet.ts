import { z } from 'zod';
import type { Collection } from './collection.ts';
import { revision } from './schemas.ts';

export const subnetSchema = z
  .object({
    subnet: z.string(),
    publicIp: z.string().describe('Next hop of the route to the subnet.'),
    backendType: z.string(),
    node: z.string().optional().describe("The host's name; flannel's own leases have none."),
    revision,
  })
  .meta({ id: 'Subnet' });

/** A host's lease of a subnet. */
export const subnets: Collection<'lease', z.output<typeof subnetSchema>> = {
  source: 'network',
  kind: 'lease',
  also: [],
  present: ({ value: { node, ...lease }, revision }) => ({
    ...lease,
    ...(node === undefined ? {} : { node: node.name }),
    revision,
  }),
};
