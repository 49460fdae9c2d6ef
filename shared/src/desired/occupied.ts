import type { HostFacts } from '../model/host-facts.ts';
import type { NetworkConfig } from '../model/network.ts';
import { type Block, bitsOf, blocksOverlap, lastOfBlock, parseBlock } from '../net/block.ts';
import { entriesOf } from '../net/family.ts';
import { type Address, numberOf } from './address.ts';
import type { Candidate } from './service.ts';

/** Addresses that others have, and in words whose they are. */
export interface Occupied {
  readonly block: Block;
  /** The first and the last, for comparing ten thousand VIPs. */
  readonly first: Address;
  readonly last: Address;
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
    if (block === undefined) return [];
    const first = numberOf({ family: block.family, value: block.base });
    return [{ block, first, last: numberOf(lastOfBlock(block)), what }];
  });
}

/**
 * Why the VIP cannot be one on this host: whoever has the address, or gets it one day, could not be reached. A service
 * with a VIP of the other family, too, keeps that one.
 */
export function vipConflict(
  { intent, family, vip }: Candidate,
  all: readonly Occupied[],
): string | undefined {
  if (vip === undefined) return undefined;
  const found = all.filter(
    ({ block, first, last }) => block.family === family && first <= vip && vip <= last,
  );
  const one = found.find(({ block }) => block.length === bitsOf(block.family)) ?? found[0];
  if (one === undefined) return undefined;
  const isSingle = one.block.length === bitsOf(one.block.family);
  return isSingle ? `its VIP ${intent.vip} is ${one.what}` : `its VIP ${intent.vip} lies in ${one.what}`;
}

/** What the range must not take: a rule that drops it would cut this host off from its neighbours, or etcd. */
export function overlapped(range: Block, all: readonly Occupied[]): string | undefined {
  return all.find(({ block }) => blocksOverlap(block, range))?.what;
}
