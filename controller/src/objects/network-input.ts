import { z } from 'zod';

const text = (example: string) => z.string({ error: `is not text such as "${example}"` }).optional();
const number = (what: string) => z.int({ error: `is not ${what}: a whole number is needed` }).optional();
const truth = z.boolean({ error: 'is neither true nor false' }).optional();

/** A change of the network: what is left out stays as it is. */
export const networkInputSchema = z.strictObject({
  network: text('10.10.0.0/16').describe('IPv4; `none`: the network has none.'),
  subnetLen: number('a prefix length such as 24').describe('0: the usual one.'),
  subnetMin: text('10.10.1.0').describe('First subnet that may be leased; empty: the usual one.'),
  subnetMax: text('10.10.255.0'),
  networkIpv6: text('fd00:10::/48').describe('`none`: the network has no IPv6.'),
  subnetLenIpv6: number('a prefix length such as 64'),
  subnetMinIpv6: text('fd00:10:0:1::'),
  subnetMaxIpv6: text('fd00:10:0:ffff::'),
  backend: z.enum(['host-gw', 'vxlan'], { error: 'is neither "host-gw" nor "vxlan"' }).optional(),
  directRouting: truth.describe('With vxlan: hosts on the same link get plain routes.'),
  fallback: z
    .enum(['vxlan', 'none'], { error: 'is neither "vxlan" nor "none"' })
    .optional()
    .describe('With host-gw: how hosts on other links are reached.'),
  vni: number("a tunnel's number"),
  port: number('a UDP port').describe("0: the kernel's 8472."),
  mtu: number('a number of bytes').describe('0: what the hosts’ link has.'),
  masquerade: truth.describe('Whether containers talk to the outside with their host’s address.'),
  nonMasqueradeCidrs: z
    .array(z.string({ error: 'is not text such as "10.0.0.0/8"' }), { error: 'is not a list of networks' })
    .readonly()
    .optional(),
});

export const confirmInputSchema = z
  .strictObject({ fingerprint: text('0a1b2c3d') })
  .nullish()
  .transform((body) => body ?? {});
