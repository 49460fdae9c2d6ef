import { CausewayError } from '@causeway/shared/errors';
import { type EffectiveConfig, effectiveConfig } from '@causeway/shared/model/effective-config';
import type { NodeRecord } from '@causeway/shared/model/node';
import { blockHasIp, parseBlock } from '@causeway/shared/net/block';
import { type Cidr, parseCidr } from '@causeway/shared/net/cidr';
import { entriesOf } from '@causeway/shared/net/family';
import { keys } from '@causeway/shared/store/keys';
import { type HostAt, hostsBySubnet } from '../endpoints/hosts-by-subnet.ts';
import type { Places } from '../endpoints/resolve.ts';
import type { ClusterFacts, HostNetwork } from '../validate/cluster-facts.ts';
import type { Tables } from './tables.ts';
import type { View } from './view.ts';

/**
 * The view as validation and allocation see it.
 *
 * @throws CausewayError `unreachable` while the cluster's configuration is not there yet
 */
export function factsOf(tables: Tables): ClusterFacts {
  const settings = tables.settings.get('')?.value;
  const { config } = networkOf(tables);
  if (settings === undefined) throw notConfigured();
  const networks = hostNetworks([...tables.node.values()].map(({ value }) => value));
  return {
    network: config.ipv4 === undefined ? undefined : range(config.ipv4.network),
    serviceRange: range(settings.serviceRange),
    nodePortMin: settings.nodePortMin,
    nodePortMax: settings.nodePortMax,
    vipOwner: (address) => tables.vip.get(address)?.value,
    nodePortOwner: (protocol, port) => tables.nodePort.get(`${protocol}/${port}`)?.value,
    hostOf: (address) => hostOf(tables, address),
    networkAt: (address) =>
      networks.find(({ network }) => blockHasIp(network, { family: 'ipv4', value: BigInt(address) })),
    serviceWithEndpointAt: (address) => serviceWithEndpointAt(tables, address),
    hasContainer: (name) => tables.container.has(name),
    hosts: () => [...tables.node.keys()].sort(),
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

/** The view as resolving endpoints sees it. */
export function placesOf(view: View): Places {
  const { tables } = view;
  return {
    container: (name) => tables.container.get(name)?.value,
    status: (name) => tables.containerStatus.get(name)?.value,
    hostAt: hostAtOf(view),
    isDrained: (host) => tables.policy.get(host)?.value.drained ?? false,
  };
}

const indexes = new WeakMap<View, { readonly revision: number; readonly hostAt: HostAt }>();

/** One index for each revision of the leases. */
function hostAtOf(view: View): HostAt {
  const revision = view.revision('network');
  const known = indexes.get(view);
  if (known?.revision === revision) return known.hostAt;
  const hostAt = hostsBySubnet([...view.tables.lease.values()].map((lease) => lease.value));
  indexes.set(view, { revision, hostAt });
  return hostAt;
}

function range(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined)
    throw new CausewayError('unreadable', `reading a range from etcd: "${text}" is no CIDR`);
  return cidr;
}

function hostOf(tables: Tables, address: string): string | undefined {
  for (const { value: node } of tables.node.values()) {
    if (node.ipv4?.publicIp === address || node.addresses.includes(address)) return node.name;
  }
  for (const { value: lease } of tables.lease.values()) {
    if (lease.ipv4?.publicIp === address) return lease.node?.name ?? `with subnet ${lease.ipv4.subnet}`;
  }
  return undefined;
}

function serviceWithEndpointAt(tables: Tables, address: string): string | undefined {
  for (const { value: set } of tables.endpoints.values()) {
    if (set.endpoints.some((endpoint) => endpoint.address === address)) return set.service;
  }
  return undefined;
}
