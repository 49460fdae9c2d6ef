import type { SubnetLease } from '@causeway/shared/model/lease';
import { maskTo, parseAddress, parseCidr } from '@causeway/shared/net/cidr';

/** Says which host an address of the container network is on; undefined when no host of ours leases it. */
export type HostAt = (address: string) => string | undefined;

/** Indexes leases by their subnets, so that one address costs one look-up for each length of subnet. */
export function hostsBySubnet(leases: Iterable<SubnetLease>): HostAt {
  const byLength = new Map<number, Map<number, string>>();
  for (const { ipv4, node } of leases) {
    const cidr = parseCidr(ipv4?.subnet ?? '');
    if (cidr === undefined || node === undefined) continue;
    const bases = byLength.get(cidr.length) ?? new Map<number, string>();
    byLength.set(cidr.length, bases.set(cidr.base, node.name));
  }
  return (text) => {
    const address = parseAddress(text);
    if (address === undefined) return undefined;
    for (const [length, bases] of byLength) {
      const host = bases.get(maskTo(address, length));
      if (host !== undefined) return host;
    }
    return undefined;
  };
}
