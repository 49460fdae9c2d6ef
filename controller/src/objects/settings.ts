import { z } from 'zod';
import { revision } from './schemas.ts';

const text = (example: string) => z.string({ error: `is not text such as "${example}"` }).optional();
const PORT_ERROR = 'is not a port: a whole number from 1 to 65535 is needed';
const port = z
  .int({ error: PORT_ERROR })
  .min(1, { error: PORT_ERROR })
  .max(65535, { error: PORT_ERROR })
  .optional();

export const settingsSchema = z
  .object({
    serviceRange: z.string().describe('VIPs that nobody chose are taken from here.'),
    serviceRangeIpv6: z.string().optional().describe('Absent: no VIP of IPv6 is given out.'),
    nodePortCidrs: z
      .array(z.string())
      .readonly()
      .describe('NodePorts are served on the addresses of hosts inside of these. Empty: on all.'),
    nodePortMin: z.int(),
    nodePortMax: z.int(),
    warnings: z.array(z.string()).readonly(),
    revision,
  })
  .meta({ id: 'Settings' });

export type SettingsObject = z.output<typeof settingsSchema>;

/** Most networks that NodePorts are served in: hosts have a rule for each. */
export const MAX_NODE_PORT_CIDRS = 64;

/** A change of the settings: what is left out stays as it is. */
export const settingsInputSchema = z.strictObject({
  serviceRange: text('10.96.0.0/16'),
  serviceRangeIpv6: text('fd00:10:96::/112').describe('`none`: no VIP of IPv6 is given out.'),
  nodePortCidrs: z
    .array(z.string({ error: 'is not text such as "192.168.122.0/24"' }), {
      error: 'is not a list of networks',
    })
    .max(MAX_NODE_PORT_CIDRS, { error: `has more than ${MAX_NODE_PORT_CIDRS} networks` })
    .readonly()
    .optional(),
  nodePortMin: port,
  nodePortMax: port,
});

export type SettingsPatch = z.output<typeof settingsInputSchema>;
