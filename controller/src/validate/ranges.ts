import { CausewayError, invalid } from '@causeway/shared/errors';
import {
  type Block,
  blockHasIp,
  blocksOverlap,
  formatBlock,
  parseBlock,
  parseIp,
} from '@causeway/shared/net/block';
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { isUnicastBlock } from '@causeway/shared/net/unicast';
import type { HostNetwork } from './cluster-facts.ts';

/** The ranges of a cluster, CIDR; a network has one of the first two or both. */
export interface Ranges {
  readonly network?: string | undefined;
  readonly networkIpv6?: string | undefined;
  readonly serviceRange: string;
  readonly serviceRangeIpv6?: string | undefined;
}

/** An address that a machine of the cluster has, and the flag that says so. */
export interface OwnAddress {
  readonly flag: string;
  readonly address: string;
}

/** Where no VIP can be: this machine, the loopback, single links, groups, what is reserved. */
const SPECIAL = [
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'],
  ...['::/80', 'fe80::/10', 'ff00::/8'],
];
/** A range that is larger takes addresses of the Internet with it. */
const LARGEST = 8;
/** 14 VIPs: of a range that is smaller, its first and last address and those left to users are most of it. */
const SMALLEST_SERVICE_RANGE: Readonly<Record<Family, number>> = { ipv4: 28, ipv6: 124 };

/**
 * Reads the range of the VIPs.
 *
 * @returns it with its host bits masked
 * @throws CausewayError `invalid`
 */
export function checkedServiceRange(text: string): string {
  return checkedRange('service-range', text, 'ipv4', '10.96.0.0/16');
}

/** As `checkedServiceRange`, of IPv6. */
export function checkedServiceRangeIpv6(text: string): string {
  return checkedRange('service-range-ipv6', text, 'ipv6', 'fd00:10:96::/112');
}

function checkedRange(flag: string, text: string, family: Family, example: string): string {
  const range = parseBlock(text);
  if (range?.family !== family)
    throw invalid(flag, text, `is not an ${FAMILY_NAMES[family]} network of the form ${example}`);
  const special = SPECIAL.find((block) => meet(block, text));
  if (special !== undefined || !isUnicastBlock(range))
    throw invalid(flag, text, `overlaps ${special ?? 'reserved addresses'}, where no VIP can be`);
  checkNotHuge(flag, text);
  const smallest = SMALLEST_SERVICE_RANGE[family];
  if (range.length > smallest) throw invalid(flag, text, `is too small: a /${smallest} or larger is needed`);
  return formatBlock(range);
}

/** @throws CausewayError `invalid` */
export function checkNotHuge(flag: string, text: string): void {
  const range = parseBlock(text);
  if (range !== undefined && range.length < LARGEST)
    throw invalid(flag, text, `is too large: a /${LARGEST} or smaller is needed`);
}

/** @throws CausewayError `invalid` when a service range overlaps the network */
export function checkDisjoint(ranges: Partial<Ranges>): void {
  const { network, networkIpv6, serviceRange, serviceRangeIpv6 } = ranges;
  const pairs = [
    ['service-range', serviceRange, network],
    ['service-range-ipv6', serviceRangeIpv6, networkIpv6],
  ] as const;
  for (const [flag, range, containers] of pairs) {
    if (range !== undefined && containers !== undefined && meet(containers, range))
      throw invalid(flag, range, `overlaps the container network ${containers}`);
  }
}

/**
 * Refuses ranges that hold an address of the controller or of etcd: the agents would be cut off from it.
 *
 * @throws CausewayError `invalid`
 */
export function checkOwnAddresses(ranges: Partial<Ranges>, own: readonly OwnAddress[]): void {
  for (const [flag, text] of named(ranges)) {
    const range = parseBlock(text);
    const inside = own.find(({ address }) => {
      const parsed = parseIp(address);
      return parsed !== undefined && range !== undefined && blockHasIp(range, parsed);
    });
    if (inside !== undefined)
      throw invalid(flag, text, `holds ${inside.address}, the address of --${inside.flag}`);
  }
}

/** @throws CausewayError `invalid` when a range overlaps a network that a host is in */
export function checkHostNetworks(ranges: Partial<Ranges>, hosts: readonly HostNetwork[]): void {
  for (const [flag, text] of named(ranges)) {
    const range = parseBlock(text);
    const host = hosts.find(({ network }) => range !== undefined && blocksOverlap(range, network));
    if (host !== undefined)
      throw invalid(flag, text, `overlaps ${formatBlock(host.network)}, the network of host "${host.host}"`);
  }
}

/** What is wrong with the ranges of a cluster that exists: it goes on all the same, and says so. */
export function rangeFaults(ranges: Ranges, hosts: readonly HostNetwork[]): readonly string[] {
  const { network, networkIpv6, serviceRange, serviceRangeIpv6 } = ranges;
  const checks = [
    () => checkDisjoint(ranges),
    () => checkHostNetworks({ network }, hosts),
    () => checkHostNetworks({ networkIpv6 }, hosts),
    () => checkHostNetworks({ serviceRange }, hosts),
    () => checkHostNetworks({ serviceRangeIpv6 }, hosts),
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (error instanceof CausewayError) return [error.message];
      throw error;
    }
  });
}

/** The ranges by the flags that set them. */
export function named(ranges: Partial<Ranges>): readonly (readonly [flag: string, text: string])[] {
  const { network, networkIpv6, serviceRange, serviceRangeIpv6 } = ranges;
  const all = [
    ['network', network],
    ['network-ipv6', networkIpv6],
    ['service-range', serviceRange],
    ['service-range-ipv6', serviceRangeIpv6],
  ] as const;
  return all.flatMap(([flag, text]) => (text === undefined ? [] : [[flag, text] as const]));
}

/** Whether two CIDRs have an address in common. */
export function meet(a: string, b: string): boolean {
  const [x, y]: (Block | undefined)[] = [parseBlock(a), parseBlock(b)];
  return x !== undefined && y !== undefined && blocksOverlap(x, y);
}
