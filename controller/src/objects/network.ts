import { z } from 'zod';
import { revision } from './schemas.ts';

const familySchema = z.object({
  network: z.string(),
  subnetLen: z.int(),
  subnetMin: z.string().describe('First subnet that may be leased.'),
  subnetMax: z.string(),
  subnets: z.number().describe('How many hosts can have one.'),
  leased: z.int(),
  reserved: z.int().describe('Subnets that are bound to a host, leased or not.'),
});

const configSchema = z.object({
  ipv4: familySchema.optional(),
  ipv6: familySchema.optional(),
  backend: z.object({
    type: z.enum(['host-gw', 'vxlan']),
    directRouting: z.boolean().describe('Hosts on the same link get a plain route.'),
    tunnel: z
      .object({
        vni: z.int(),
        port: z.int(),
        mtu: z.int().optional(),
        learning: z.boolean(),
        gbp: z.boolean(),
      })
      .optional()
      .describe('For all other hosts; absent: they cannot be reached.'),
  }),
  masquerade: z.boolean(),
  nonMasqueradeCidrs: z.array(z.string()).readonly(),
  fingerprint: z.string().describe('Of what decides about the subnets; another one renumbers hosts.'),
});

export type NetworkConfigObject = z.output<typeof configSchema>;

export const networkSchema = configSchema
  .extend({
    refused: z
      .object({
        reason: z.string().describe('Why hosts do not follow what etcd has, in one sentence.'),
        hosts: z.array(z.string()).readonly().describe('Hosts that would have to take other subnets.'),
        config: configSchema.describe('What etcd has.'),
      })
      .optional()
      .describe('A configuration in etcd waits to be confirmed; until then hosts follow the one above.'),
    warnings: z.array(z.string()).readonly(),
    revision,
  })
  .meta({ id: 'Network' });

export type NetworkObject = z.output<typeof networkSchema>;
