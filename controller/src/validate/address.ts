import { invalid } from '@causeway/shared/errors';
import { type Cidr, containsAddress, parseAddress, parseCidr } from '@causeway/shared/net/cidr';

/** Blocks whose addresses nobody can be reached at by unicast, with what each is. */
const SPECIAL: readonly (readonly [block: Cidr, what: string])[] = (
  [
    ['0.0.0.0/8', 'is no address of anybody (0.0.0.0/8)'],
    ['127.0.0.0/8', 'is a loopback address, which means another machine on each host'],
    ['169.254.0.0/16', 'is a link-local address'],
    ['224.0.0.0/4', 'is a multicast address'],
    ['255.255.255.255/32', 'is the broadcast address'],
    ['240.0.0.0/4', 'is a reserved address (240.0.0.0/4)'],
  ] as const
).flatMap(([text, what]) => {
  const block = parseCidr(text);
  return block === undefined ? [] : [[block, what] as const];
});

/**
 * Reads an IPv4 address that packets can be sent to.
 *
 * @param notAddress the reason when the text is no address at all
 * @returns the address as a number
 * @throws CausewayError `invalid`
 */
export function unicastAddress(field: string, value: string, shown: string, notAddress: string): number {
  const address = parseAddress(value);
  if (address === undefined) throw invalid(field, shown, notAddress);
  const special = SPECIAL.find(([block]) => containsAddress(block, address));
  if (special !== undefined) throw invalid(field, shown, special[1]);
  return address;
}
