import { CausewayError } from '@causeway/shared/errors';
import { type EffectiveConfig, effectiveConfig } from '@causeway/shared/model/effective-config';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodeRecord } from '@causeway/shared/model/node';
import { type Block, blockHasIp, parseBlock } from '@causeway/shared/net/block';
import { type ByFamily, entriesOf, mapFamilies } from '@causeway/shared/net/family';
import { keys } from '@causeway/shared/store/keys';
import type { ClusterFacts, HostNetwork } from '../validate/cluster-facts.ts';
import { keptFor } from './kept-for.ts';
import type { Tables } from './tables.ts';
import type { View } from './view.ts';

/**
 * The view as validation and allocation see it.
 *
 * @throws CausewayError `unreachable` while the cluster's configuration is not there yet
 */
export function factsOf(view: View): ClusterFacts {
  const { tables, lookUps } = view;
  const settings = tables.settings.get('')?.value;
  const config = followedConfig(view);
  if (settings === undefined) throw notConfigured();
  const ofHosts = hostNetworksOf(view);
  return {
    networks: networksOf(config),
    serviceRanges: {
      ipv4: range(settings.serviceRange),
      ...(settings.serviceRangeIpv6 === undefined ? {} : { ipv6: range(settings.serviceRangeIpv6) }),
    },
    nodePortMin: settings.nodePortMin,
    nodePortMax: settings.nodePortMax,
    vipOwner: (address) => tables.vip.get(address)?.value,
    nodePortCidrs: (settings.nodePortCidrs ?? []).flatMap((text) => parseBlock(text) ?? []),
    nodePortOwner: (protocol, port) => tables.nodePort.get(`${protocol}/${port}`)?.value,
    publishers: (protocol, port) => tables.published.get(`${protocol}/${port}`)?.value.holders ?? [],
    addressesOf: (host) => tables.node.get(host)?.value.addresses ?? [],
    hostOf: (address) => hostOf(view, address),
    networkAt: (address) => ofHosts.find(({ network }) => blockHasIp(network, address)),
    serviceWithEndpointAt: (address) => lookUps.endpointsAt.oneOf(address),
    hasContainer: (name) => tables.container.has(name),
    container: (name) => tables.container.get(name)?.value,
    containers: () => [...tables.container.values()].map(({ value }) => value),
    containerAt: (address, except) => containerAt(tables, address, except),
    hasWorkload: (name) => tables.workload.has(name),
    workloadAt: (address) => lookUps.workloadsAt.oneOf(address),
    hosts: () => [...tables.node.keys()].sort(),
    host: (name) => tables.node.get(name)?.value,
    isCordoned: (host) => tables.policy.get(host)?.value.cordoned ?? false,
  };
}

/**
 * The network's configuration that hosts follow, and why it is not the one in etcd, if it is not.
 *
 * @throws CausewayError `unreachable` while there is none
 */
export function networkOf(tables: Tables): EffectiveConfig {
  const config = tables.config.get('')?.value;
  if (config === undefined) throw notConfigured();
  const accepted = tables.accepted.get('')?.value;
  const leases = () => [...tables.lease.values()].map(({ value }) => value);
  return effectiveConfig({ config, accepted, leases: accepted === undefined ? [] : leases() });
}

const networks = new WeakMap<NetworkConfig, ByFamily<Block>>();

/** The container network in each family that it has; asked for every service of a list. */
export function networksOf(config: NetworkConfig): ByFamily<Block> {
  const known = networks.get(config) ?? mapFamilies(config, ({ network }) => range(network));
  networks.set(config, known);
  return known;
}

function notConfigured(): CausewayError {
  return new CausewayError('unreachable', "reading the cluster's configuration: it is not in etcd yet");
}

/**
 * What keeps the cluster from being known at all: its configuration is in a key that never could be read.
 *
 * @returns undefined as well when the key is absent, which is a cluster that is being made
 */
export function configFault({ tables, unreadable }: View): CausewayError | undefined {
  const why =
    (tables.config.has('') ? undefined : unreadable.get(keys.networkConfig)) ??
    (tables.settings.has('') ? undefined : unreadable.get(keys.settings));
  return why === undefined ? undefined : new CausewayError('unreadable', why);
}

/** The networks that hosts are in, of both families, each once. */
export function hostNetworks(nodes: readonly NodeRecord[]): readonly HostNetwork[] {
  const found = new Map<string, HostNetwork>();
  for (const node of nodes) {
    for (const [, { network: text }] of entriesOf(node)) {
      if (found.has(text)) continue;
      const network = parseBlock(text);
      if (network !== undefined) found.set(text, { host: node.name, network });
    }
  }
  return [...found.values()];
}

function range(text: string): Block {
  const block = parseBlock(text);
  if (block === undefined)
    throw new CausewayError('unreadable', `reading a range from etcd: "${text}" is no CIDR`);
  return block;
}

function hostOf({ tables, lookUps }: View, address: string): string | undefined {
  const host = lookUps.hostsAt.oneOf(address);
  if (host !== undefined) return host;
  const lease = tables.lease.get(lookUps.leasesAt.oneOf(address) ?? '')?.value;
  const own = lease && entriesOf(lease).find(([, { publicIp }]) => publicIp === address);
  return own && (lease.node?.name ?? `with subnet ${own[1].subnet}`);
}

/** Asked where a user chooses an address, which is seldom: all statuses are looked through. */
function containerAt(tables: Tables, address: string, except: string): string | undefined {
  const given = tables.containerAddress.get(address)?.value;
  if (given !== undefined && given !== except) return given;
  for (const [name, { value }] of tables.containerStatus)
    if (name !== except && (value.address === address || value.ipv6Address === address)) return name;
  return undefined;
}

/** Of a thousand hosts, each lease may have a say in it. */
const followedConfig = keptFor(
  (view) => [view.tables.config.get(''), view.tables.accepted.get(''), view.lookUps.leasesVersion],
  (view) => networkOf(view.tables).config,
);

const hostNetworksOf = keptFor(
  (view) => [view.lookUps.hostsVersion],
  (view) => hostNetworks([...view.tables.node.values()].map(({ value }) => value)),
);
