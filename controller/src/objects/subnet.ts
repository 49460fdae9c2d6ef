import { z } from 'zod';
import type { Collection } from './collection.ts';
import { revision } from './schemas.ts';

export const subnetSchema = z
  .object({
    subnet: z.string().describe('IPv4; of a lease of IPv6 alone, its IPv6 subnet.'),
    subnetIpv6: z.string().optional(),
    publicIp: z.string().describe('Next hop of the route to the subnet.'),
    publicIpv6: z.string().optional(),
    backendType: z.string(),
    vtepMac: z.string().optional().describe("The host's end of the tunnel."),
    vtepMacIpv6: z.string().optional(),
    node: z.string().optional().describe("The host's name; flannel's own leases have none."),
    revision,
  })
  .meta({ id: 'Subnet' });

/** A host's lease: a subnet in each family. */
export const subnets: Collection<'lease', z.output<typeof subnetSchema>> = {
  source: 'network',
  kind: 'lease',
  also: [],
  present: ({ value: { node, backendType, ipv4, ipv6 }, revision }) => {
    const first = ipv4 ?? ipv6;
    return {
      subnet: first?.subnet ?? '',
      publicIp: first?.publicIp ?? '',
      ...(ipv6 === undefined ? {} : { subnetIpv6: ipv6.subnet }),
      ...(ipv6?.publicIp === undefined ? {} : { publicIpv6: ipv6.publicIp }),
      backendType,
      ...(ipv4?.vtep === undefined ? {} : { vtepMac: ipv4.vtep.mac }),
      ...(ipv6?.vtep === undefined ? {} : { vtepMacIpv6: ipv6.vtep.mac }),
      ...(node === undefined ? {} : { node: node.name }),
      revision,
    };
  },
};
