import { type Block, blockHasIp, blocksOverlap, parseBlock, parseIp } from './block.ts';
import { type Cidr, containsAddress, parseAddress } from './cidr.ts';

/**
 * Where nobody is reached by unicast from another machine: this host, the loopback, single links, groups, what is
 * reserved; of IPv6 also the forms of IPv4 addresses, which are on no wire and which the kernel lists differently.
 */
const NOT_UNICAST = [
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'],
  ...['::/80', 'fe80::/10', 'ff00::/8'],
].flatMap((text) => parseBlock(text) ?? []);

const NOT_UNICAST_IPV4 = NOT_UNICAST.filter(({ family }) => family === 'ipv4').map(
  ({ base, length }): Cidr => ({ base: Number(base), length }),
);

/** Whether the address can be a service's or an endpoint's; false for a text that is none. */
export function isUnicast(text: string): boolean {
  const v4 = parseAddress(text);
  // The shorter way is for many endpoints.
  if (v4 !== undefined) return !NOT_UNICAST_IPV4.some((block) => containsAddress(block, v4));
  const ip = parseIp(text);
  return ip !== undefined && !NOT_UNICAST.some((block) => blockHasIp(block, ip));
}

/** Whether all addresses of the block can. */
export function isUnicastBlock(block: Block): boolean {
  return !NOT_UNICAST.some((one) => blocksOverlap(one, block));
}
