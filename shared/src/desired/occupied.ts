import type { HostFacts } from '../model/host-facts.ts';
import type { NetworkConfig } from '../model/network.ts';
import { type Block, bitsOf, blockHasIp, blocksOverlap, parseBlock } from '../net/block.ts';
import { type Cidr, containsAddress, parseCidr } from '../net/cidr.ts';
import { entriesOf } from '../net/family.ts';
import type { Candidate } from './service.ts';

/** Addresses that others have, and in words whose they are. */
export interface Occupied {
  readonly block: Block;
  /** The same, for comparing ten thousand VIPs; IPv4 only. */
  readonly cidr: Cidr | undefined;
  readonly what: string;
}

/** The container networks, the networks of this host's link and its own addresses. */
export function occupied(config: NetworkConfig, facts: HostFacts): readonly Occupied[] {
  const all = [
    ...entriesOf(config).map(([, { network }]) => [network, 'the container network']),
    ...entriesOf(facts).flatMap(([family, { network, publicIp }]) => [
      [network, `the network ${network} of this host's link ${facts.iface}`],
      [`${publicIp}/${bitsOf(family)}`, "this host's own address"],
    ]),
  ];
  return all.flatMap(([cidr = '', what = '']) => {
    const block = parseBlock(cidr);
    return block === undefined ? [] : [{ block, cidr: parseCidr(cidr), what }];
  });
}

/** Why the VIP cannot be one on this host: whoever has the address, or gets it one day, could not be reached. */
export function vipConflict({ intent, vip }: Candidate, all: readonly Occupied[]): string | undefined {
  if (vip === undefined) return undefined;
  const isIn = ({ cidr, block }: Occupied) =>
    typeof vip === 'number'
      ? cidr !== undefined && containsAddress(cidr, vip)
      : blockHasIp(block, { family: 'ipv6', value: vip });
  const found = all.filter(isIn);
  const one = found.find(({ block }) => block.length === bitsOf(block.family)) ?? found[0];
  if (one === undefined) return undefined;
  const isSingle = one.block.length === bitsOf(one.block.family);
  return isSingle ? `its VIP ${intent.vip} is ${one.what}` : `its VIP ${intent.vip} lies in ${one.what}`;
}

/** What the range must not take: a rule that drops it would cut this host off from its neighbours, or etcd. */
export function overlapped(range: string, all: readonly Occupied[]): string | undefined {
  const parsed = parseBlock(range);
  return parsed === undefined ? undefined : all.find(({ block }) => blocksOverlap(block, parsed))?.what;
}
