import { z } from 'zod';
import { NETWORK_ERROR, type NetworkText, parseNetworkText } from '../container-text.ts';
import { nameSchema } from './input.ts';

const ADDRESS_ERROR = 'is not an address';
const MAC_ERROR = 'is not a link-layer address of one link such as "0a:58:0a:0a:01:05"';
const LINK_ERROR = 'is not a link\'s name: 1 to 15 letters, digits and signs of ".:@_-"';

const address = z.string({ error: ADDRESS_ERROR });
/** Of one link: the lowest bit of the first octet says that it is of several. */
const mac = z
  .string({ error: MAC_ERROR })
  .transform((text) => text.toLowerCase())
  .refine((text) => /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(text) && text !== '00:00:00:00:00:00', {
    error: MAC_ERROR,
  });
const linkName = z.string({ error: LINK_ERROR }).regex(/^(?!\.{1,2}$)[\w.:@-]{1,15}$/, { error: LINK_ERROR });
const chosen = { address: address.optional(), ipv6Address: address.optional() };
const onePerFamily = (what: string) =>
  z
    .array(address, { error: `is not a list of ${what}` })
    .max(2, { error: `has more than one of each family` })
    .default([]);

const networkObject = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('bridge'), ...chosen, mac: mac.optional() }),
    z.strictObject({ kind: z.literal('host') }),
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({ kind: z.literal('container'), container: nameSchema }),
    z.strictObject({
      kind: z.literal('macvlan'),
      device: linkName,
      addresses: onePerFamily('addresses with prefix lengths').describe(
        'With prefix lengths, one per family: `192.168.122.50/24`.',
      ),
      gateways: onePerFamily('gateways').describe('Default gateways, one per family.'),
      mac: mac.optional(),
    }),
    z.strictObject({ kind: z.literal('p2p'), peer: nameSchema, ...chosen }),
  ],
  { error: NETWORK_ERROR },
);

/** How a container is connected: an object, or a short form such as `host` and `container:web-1`. */
export const networkInputSchema = z.union(
  [
    z.string({ error: NETWORK_ERROR }).transform((text, context) => {
      const mode = networkObject.safeParse(withLists(parseNetworkText(text)));
      if (mode.success) return mode.data;
      context.addIssue({ code: 'custom', message: NETWORK_ERROR });
      return z.NEVER;
    }),
    networkObject,
  ],
  { error: NETWORK_ERROR },
);

/** A short form has no addresses. */
function withLists(mode: NetworkText | undefined): unknown {
  return mode?.kind === 'macvlan' ? { ...mode, addresses: [], gateways: [] } : mode;
}
