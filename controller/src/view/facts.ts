import { CausewayError } from '@causeway/shared/errors';
import type { NodeRecord } from '@causeway/shared/model/node';
import { type Cidr, containsAddress, parseCidr } from '@causeway/shared/net/cidr';
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
  const config = tables.config.get('')?.value;
  const settings = tables.settings.get('')?.value;
  if (config === undefined || settings === undefined) {
    throw new CausewayError('unreachable', "reading the cluster's configuration: it is not in etcd yet");
  }
  const networks = hostNetworks([...tables.node.values()].map(({ value }) => value));
  return {
    network: range(config.network),
    serviceRange: range(settings.serviceRange),
    nodePortMin: settings.nodePortMin,
    nodePortMax: settings.nodePortMax,
    vipOwner: (address) => tables.vip.get(address)?.value,
    nodePortOwner: (protocol, port) => tables.nodePort.get(`${protocol}/${port}`)?.value,
    hostOf: (address) => hostOf(tables, address),
    networkAt: (address) => networks.find(({ network }) => containsAddress(network, address)),
    serviceWithEndpointAt: (address) => serviceWithEndpointAt(tables, address),
    hasContainer: (name) => tables.container.has(name),
    hosts: () => [...tables.node.keys()].sort(),
  };
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

/** The networks that hosts are in, each once; what a record of an older agent does not say is left out. */
export function hostNetworks(nodes: readonly NodeRecord[]): readonly HostNetwork[] {
  const found = new Map<string, HostNetwork>();
  for (const { name, network: text } of nodes) {
    if (text === undefined || found.has(text)) continue;
    const network = parseCidr(text);
    if (network !== undefined) found.set(text, { host: name, network });
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
    if (node.publicIp === address || node.addresses.includes(address)) return node.name;
  }
  for (const { value: lease } of tables.lease.values()) {
    if (lease.publicIp === address) return lease.node?.name ?? `with subnet ${lease.subnet}`;
  }
  return undefined;
}

function serviceWithEndpointAt(tables: Tables, address: string): string | undefined {
  for (const { value: set } of tables.endpoints.values()) {
    if (set.endpoints.some((endpoint) => endpoint.address === address)) return set.service;
  }
  return undefined;
}
