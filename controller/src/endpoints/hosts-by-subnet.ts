import type { SubnetLease } from '@causeway/shared/model/lease';
import { blockAt, parseBlock, parseIp } from '@causeway/shared/net/block';
import { entriesOf, type Family } from '@causeway/shared/net/family';

/** Says which host an address is on: one of its containers has it, or it itself; undefined when no host of ours does. */
export type HostAt = (address: string) => string | undefined;

/** Of one family, of one length: the hosts by their subnets' first addresses. */
interface Subnets {
  readonly family: Family;
  readonly length: number;
  readonly hosts: Map<bigint, string>;
}

/** Indexes leases by their subnets, so that one address costs one look-up for each length of subnet. */
export function hostsBySubnet(leases: Iterable<SubnetLease>): HostAt {
  const all: Subnets[] = [];
  for (const lease of leases) {
    if (lease.node === undefined) continue;
    for (const [, { subnet }] of entriesOf(lease)) {
      const block = parseBlock(subnet);
      if (block === undefined) continue;
      const { family, length, base } = block;
      let subnets = all.find((one) => one.family === family && one.length === length);
      if (subnets === undefined) {
        subnets = { family, length, hosts: new Map() };
        all.push(subnets);
      }
      subnets.hosts.set(base, lease.node.name);
    }
  }
  return (text) => {
    const address = parseIp(text);
    if (address === undefined) return undefined;
    for (const { family, length, hosts } of all) {
      const host = family === address.family ? hosts.get(blockAt(address, length).base) : undefined;
      if (host !== undefined) return host;
    }
    return undefined;
  };
}
