import { invalid } from '@causeway/shared/errors';
import { type Block, blockHasIp, type Ip, parseBlock, parseIp } from '@causeway/shared/net/block';

/** Blocks whose addresses nobody can be reached at by unicast, with what each is; the first that fits counts. */
const SPECIAL: readonly (readonly [block: Block, what: string])[] = (
  [
    ['0.0.0.0/8', 'is no address of anybody (0.0.0.0/8)'],
    ['127.0.0.0/8', 'is a loopback address, which means another machine on each host'],
    ['169.254.0.0/16', 'is a link-local address'],
    ['224.0.0.0/4', 'is a multicast address'],
    ['255.255.255.255/32', 'is the broadcast address'],
    ['240.0.0.0/4', 'is a reserved address (240.0.0.0/4)'],
    ['::/128', 'is no address of anybody (::)'],
    ['::1/128', 'is a loopback address, which means another machine on each host'],
    ['::/80', 'is an IPv4 address in the form of IPv6, which no packet carries (::/80)'],
    ['fe80::/10', 'is a link-local address'],
    ['ff00::/8', 'is a multicast address'],
  ] as const
).flatMap(([text, what]) => {
  const block = parseBlock(text);
  return block === undefined ? [] : [[block, what] as const];
});

/**
 * Reads an address that packets can be sent to.
 *
 * @param notAddress the reason when the text is no address at all
 * @throws CausewayError `invalid`
 */
export function unicastAddress(field: string, value: string, shown: string, notAddress: string): Ip {
  const address = parseIp(value);
  if (address === undefined) throw invalid(field, shown, notAddress);
  const special = SPECIAL.find(([block]) => blockHasIp(block, address));
  if (special !== undefined) throw invalid(field, shown, special[1]);
  return address;
}
