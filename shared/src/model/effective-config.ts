import { createHash } from 'node:crypto';
import { parseBlock } from '../net/block.ts';
import { type ByFamily, entriesOf, FAMILIES, mapFamilies } from '../net/family.ts';
import type { SubnetLease } from './lease.ts';
import { isSubnetOf } from './network.schema.ts';
import type { NetworkConfig } from './network.ts';

/**
 * Which configuration hosts follow. Whoever changes the network so that hosts would get other subnets interrupts
 * their containers, so such a change waits for a confirmation. Every agent decides alike, from the same keys.
 */
export interface EffectiveConfig {
  readonly config: NetworkConfig;
  /** Present: the configuration in etcd is not followed. */
  readonly refused?: RefusedConfig;
}

export interface RefusedConfig {
  /** One sentence: what would happen to whom, and what can be done. */
  readonly reason: string;
  /** The hosts that would get other subnets, by name; a flannel daemon's by its subnet. Sorted. */
  readonly hosts: readonly string[];
  /** What `CausewayRenumber` must be, for the configuration in etcd to be followed. */
  readonly fingerprint: string;
}

export interface EffectiveConfigInput {
  /** As it is in etcd. */
  readonly config: NetworkConfig;
  /** What hosts followed last; absent: nothing was followed yet. */
  readonly accepted?: NetworkConfig | undefined;
  readonly leases: readonly SubnetLease[];
}

/** How many hosts a refusal names; the others are a number. */
const NAMED = 3;

/**
 * @returns the configuration in etcd, unless a lease that fits the accepted one would not fit it and nobody confirmed
 *   that (`CausewayRenumber`); then the accepted one, and why
 */
export function effectiveConfig({ config, accepted, leases }: EffectiveConfigInput): EffectiveConfig {
  if (accepted === undefined || sameSubnets(config, accepted)) return { config };
  const fingerprint = fingerprintOf(config);
  if (config.renumber === fingerprint) return { config };
  const moved = leases.filter((lease) => {
    const subnets = subnetsOfLease(lease);
    return fitsConfig(subnets, accepted) && !fitsConfig(subnets, config);
  });
  if (moved.length === 0) return { config };
  const hosts = moved.map(nameOf).sort();
  return { config: accepted, refused: { reason: reasonOf(config, accepted, hosts), hosts, fingerprint } };
}

/**
 * What to do where hosts did note which configuration they follow, but nobody can read the note.
 *
 * @param noteKey etcd's key of the note
 * @returns why the configuration must not be followed, a sentence; undefined when it would renumber nobody
 */
export function unreadableNote(
  config: NetworkConfig,
  leases: readonly SubnetLease[],
  noteKey: string,
): string | undefined {
  if (config.renumber === fingerprintOf(config)) return undefined;
  const moved = leases.filter((lease) => !fitsConfig(subnetsOfLease(lease), config));
  if (moved.length === 0) return undefined;
  return (
    `the network's configuration in etcd, ${describe(config)}, is not followed: it would renumber ` +
    `${namedHosts(moved.map(nameOf).sort())}, and which one hosts followed before cannot be read from etcd ` +
    `key ${noteKey}; delete that key to follow this one`
  );
}

/**
 * Names what decides over hosts' subnets, and nothing else of a configuration.
 *
 * @returns 8 hexadecimal digits
 */
export function fingerprintOf(config: NetworkConfig): string {
  return createHash('sha256')
    .update(JSON.stringify(subnetRules(config)))
    .digest('hex')
    .slice(0, 8);
}

/** Whether hosts get the same subnets of both. */
export function sameSubnets(a: NetworkConfig, b: NetworkConfig): boolean {
  return FAMILIES.every((family) => {
    const [one, other] = [a[family], b[family]];
    if (one === undefined || other === undefined) return one === other;
    const sizes = one.network === other.network && one.subnetLen === other.subnetLen;
    return sizes && one.subnetMin === other.subnetMin && one.subnetMax === other.subnetMax;
  });
}

/**
 * Whether a host may keep these subnets, CIDRs, under the configuration. A family that the host has no subnet of is no
 * hindrance; one that the network does not have is.
 */
export function fitsConfig(subnets: ByFamily<string>, config: NetworkConfig): boolean {
  return entriesOf(subnets).every(([family, text]) => {
    const network = config[family];
    const block = parseBlock(text);
    return network !== undefined && block?.family === family && isSubnetOf(block, network);
  });
}

/** A lease's subnets, CIDRs. */
export function subnetsOfLease(lease: SubnetLease): ByFamily<string> {
  return mapFamilies(lease, ({ subnet }) => subnet);
}

function subnetRules(config: NetworkConfig): unknown {
  return entriesOf(config).map(([family, one]) => [
    ...[family, one.network, one.subnetLen, one.subnetMin, one.subnetMax],
  ]);
}

function nameOf(lease: SubnetLease): string {
  return (
    lease.node?.name ??
    entriesOf(subnetsOfLease(lease))
      .map(([, subnet]) => subnet)
      .join(' and ')
  );
}

function reasonOf(config: NetworkConfig, accepted: NetworkConfig, hosts: readonly string[]): string {
  return (
    `the network's configuration in etcd, ${describe(config)}, is not followed: it would renumber ` +
    `${namedHosts(hosts)}, and nobody has confirmed that; ` +
    `${describe(accepted)} holds until \`svcctl network confirm\``
  );
}

/** `2 hosts (host-1, host-2)` */
function namedHosts(hosts: readonly string[]): string {
  const more = hosts.length - NAMED;
  const named = hosts.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
  return `${hosts.length === 1 ? '1 host' : `${hosts.length} hosts`} (${named})`;
}

/** `10.10.0.0/16 in subnets of /24 from 10.10.1.0 to 10.10.255.0` */
function describe(config: NetworkConfig): string {
  const parts = entriesOf(config).map(
    ([, { network, subnetLen, subnetMin, subnetMax }]) =>
      `${network} in subnets of /${subnetLen} from ${subnetMin} to ${subnetMax}`,
  );
  return parts.join(' and ');
}
