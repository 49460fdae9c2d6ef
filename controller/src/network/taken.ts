import { invalid, show } from '@causeway/shared/errors';
import { blockHasIp, parseBlock, parseIp } from '@causeway/shared/net/block';
import type { Tables } from '../view/tables.ts';

/**
 * Refuses a container network that holds what clients reach by another way: a VIP, or an address of a host.
 *
 * @param network CIDR
 * @throws CausewayError `invalid`
 */
export function checkAddressesOutside(network: string, tables: Pick<Tables, 'vip' | 'node'>): void {
  const block = parseBlock(network);
  if (block === undefined) return;
  const isInside = (text: string) => {
    const ip = parseIp(text);
    return ip !== undefined && blockHasIp(block, ip);
  };
  for (const [vip, { value: service }] of tables.vip) {
    if (isInside(vip)) throw invalid('network', network, `holds ${vip}, the VIP of service ${show(service)}`);
  }
  for (const { value: node } of tables.node.values()) {
    const own = node.addresses.find(isInside);
    if (own !== undefined)
      throw invalid('network', network, `holds ${own}, an address of host "${node.name}"`);
  }
}
