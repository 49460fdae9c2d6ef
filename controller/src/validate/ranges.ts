import { CausewayError, invalid } from '@causeway/shared/errors';
import { containsAddress, formatCidr, overlaps, parseAddress, parseCidr } from '@causeway/shared/net/cidr';
import type { HostNetwork } from './cluster-facts.ts';

/** The two ranges of a cluster, CIDR. */
export interface Ranges {
  readonly network: string;
  readonly serviceRange: string;
}

/** An address that a machine of the cluster has, and the flag that says so. */
export interface OwnAddress {
  readonly flag: string;
  readonly address: string;
}

const SPECIAL = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'];
/** A range that is larger takes addresses of the Internet with it. */
const LARGEST = 8;
/** 14 VIPs: of a range that is smaller, its first and last address and those left to users are most of it. */
const SMALLEST_SERVICE_RANGE = 28;

/**
 * Reads the range of the VIPs.
 *
 * @returns it with its host bits masked
 * @throws CausewayError `invalid`
 */
export function checkedServiceRange(text: string): string {
  const range = parseCidr(text);
  if (range === undefined)
    throw invalid('service-range', text, 'is not an IPv4 network of the form 10.96.0.0/16');
  const special = SPECIAL.find((block) => {
    const other = parseCidr(block);
    return other !== undefined && overlaps(other, range);
  });
  if (special !== undefined) throw invalid('service-range', text, `overlaps ${special}, where no VIP can be`);
  checkNotHuge('service-range', text);
  if (range.length > SMALLEST_SERVICE_RANGE)
    throw invalid('service-range', text, `is too small: a /${SMALLEST_SERVICE_RANGE} or larger is needed`);
  return formatCidr(range);
}

/** @throws CausewayError `invalid` */
export function checkNotHuge(flag: string, text: string): void {
  const range = parseCidr(text);
  if (range !== undefined && range.length < LARGEST)
    throw invalid(flag, text, `is too large: a /${LARGEST} or smaller is needed`);
}

/** @throws CausewayError `invalid` when the two ranges overlap */
export function checkDisjoint({ network, serviceRange }: Ranges): void {
  if (meet(network, serviceRange))
    throw invalid('service-range', serviceRange, `overlaps the container network ${network}`);
}

/**
 * Refuses ranges that hold an address of the controller or of etcd: the agents would be cut off from it.
 *
 * @throws CausewayError `invalid`
 */
export function checkOwnAddresses(ranges: Partial<Ranges>, own: readonly OwnAddress[]): void {
  for (const [flag, text] of named(ranges)) {
    const range = parseCidr(text);
    const inside = own.find(({ address }) => {
      const parsed = parseAddress(address);
      return parsed !== undefined && range !== undefined && containsAddress(range, parsed);
    });
    if (inside !== undefined)
      throw invalid(flag, text, `holds ${inside.address}, the address of --${inside.flag}`);
  }
}

/** @throws CausewayError `invalid` when a range overlaps a network that a host is in */
export function checkHostNetworks(ranges: Partial<Ranges>, hosts: readonly HostNetwork[]): void {
  for (const [flag, text] of named(ranges)) {
    const range = parseCidr(text);
    const host = hosts.find(({ network }) => range !== undefined && overlaps(range, network));
    if (host !== undefined)
      throw invalid(flag, text, `overlaps ${formatCidr(host.network)}, the network of host "${host.host}"`);
  }
}

/** What is wrong with the ranges of a cluster that exists: it goes on all the same, and says so. */
export function rangeFaults(ranges: Ranges, hosts: readonly HostNetwork[]): readonly string[] {
  const { network, serviceRange } = ranges;
  const checks = [
    () => checkDisjoint(ranges),
    () => checkHostNetworks({ network }, hosts),
    () => checkHostNetworks({ serviceRange }, hosts),
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
function named({
  network,
  serviceRange,
}: Partial<Ranges>): readonly (readonly [flag: string, text: string])[] {
  return [
    ...(network === undefined ? [] : [['network', network] as const]),
    ...(serviceRange === undefined ? [] : [['service-range', serviceRange] as const]),
  ];
}

function meet(a: string, b: string): boolean {
  const [x, y] = [parseCidr(a), parseCidr(b)];
  return x !== undefined && y !== undefined && overlaps(x, y);
}
