import { invalid, show } from '@causeway/shared/errors';
import { blockHasIp, parseBlock, parseIp } from '@causeway/shared/net/block';
import { named, type Ranges } from '../validate/ranges.ts';
import type { Tables } from '../view/tables.ts';

/**
 * Refuses container networks that hold what clients reach by another way: a VIP, or an address of a host.
 *
 * @throws CausewayError `invalid`
 */
export function checkAddressesOutside(
  networks: Pick<Ranges, 'network' | 'networkIpv6'>,
  tables: Pick<Tables, 'vip' | 'node'>,
): void {
  for (const [flag, network] of named(networks)) checkOutside(flag, network, tables);
}

function checkOutside(flag: string, network: string, tables: Pick<Tables, 'vip' | 'node'>): void {
  const block = parseBlock(network);
  if (block === undefined) return;
  const isInside = (text: string) => {
    const ip = parseIp(text);
    return ip !== undefined && blockHasIp(block, ip);
  };
  for (const [vip, { value: service }] of tables.vip) {
    if (isInside(vip)) throw invalid(flag, network, `holds ${vip}, the VIP of service ${show(service)}`);
  }
  for (const { value: node } of tables.node.values()) {
    const own = node.addresses.find(isInside);
    if (own !== undefined) throw invalid(flag, network, `holds ${own}, an address of host "${node.name}"`);
  }
}
