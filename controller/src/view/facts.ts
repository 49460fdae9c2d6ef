import { CausewayError } from '@causeway/shared/errors';
import { type EffectiveConfig, effectiveConfig } from '@causeway/shared/model/effective-config';
import type { Endpoint } from '@causeway/shared/model/endpoint';
import { type HealthRecord, healthId } from '@causeway/shared/model/health';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodeRecord } from '@causeway/shared/model/node';
import { type Block, blockHasIp, parseBlock } from '@causeway/shared/net/block';
import { type ByFamily, entriesOf, mapFamilies } from '@causeway/shared/net/family';
import { keys } from '@causeway/shared/store/keys';
import { hostAtOf } from '../endpoints/host-at.ts';
import { type HealthVerdict, type Labels, type Places, selects } from '../endpoints/places.ts';
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
    networks: networksOf(config),
    serviceRanges: {
      ipv4: range(settings.serviceRange),
      ...(settings.serviceRangeIpv6 === undefined ? {} : { ipv6: range(settings.serviceRangeIpv6) }),
    },
    nodePortMin: settings.nodePortMin,
    nodePortMax: settings.nodePortMax,
    vipOwner: (address) => tables.vip.get(address)?.value,
    nodePortOwner: (protocol, port) => tables.nodePort.get(`${protocol}/${port}`)?.value,
    hostOf: (address) => hostOf(tables, address),
    networkAt: (address) => networks.find(({ network }) => blockHasIp(network, address)),
    serviceWithEndpointAt: (address) => serviceWithEndpointAt(tables, address),
    hasContainer: (name) => tables.container.has(name),
    hasWorkload: (name) => tables.workload.has(name),
    workloadAt: (address) => workloadAt(tables, address),
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

/** The container network in each family that it has. */
export function networksOf(config: NetworkConfig): ByFamily<Block> {
  return mapFamilies(config, ({ network }) => range(network));
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

/**
 * The view as resolving endpoints sees it. Where a key cannot be read, its host counts as alive and its endpoints as
 * healthy. Where more than half of all hosts are silent at once, and more than one, it is etcd or this controller that is
 * cut off rather than they: nobody is judged by his silence then.
 *
 * @param now milliseconds since the epoch
 */
export function placesOf(view: View, now = Date.now()): Places {
  const { tables } = view;
  const isAlive = (host: string) => isHeard(view, host);
  const silent = silentHosts(view);
  const isCutOff = silent.length > 1 && silent.length * 2 > tables.node.size;
  return {
    container: (name) => tables.container.get(name)?.value,
    status: (name) => tables.containerStatus.get(name)?.value,
    workload: (name) => tables.workload.get(name)?.value,
    selected: (selector) => namesWith(tables, selector),
    hostAt: hostAtOf(view),
    isDrained: (host) => tables.policy.get(host)?.value.drained ?? false,
    isHost: (name) => tables.node.has(name),
    isAlive: (host) => isCutOff || isAlive(host),
    liveHosts: () => [...tables.node.keys()].filter(isAlive),
    verdict: (host, service, endpoint) => verdictOf(tables.health.get(host)?.value, service, endpoint),
    now,
  };
}

/** The hosts that have a record and no sign of life. */
export function silentHosts(view: View): readonly string[] {
  return [...view.tables.node.keys()].filter((host) => !isHeard(view, host));
}

function isHeard({ tables, unreadable }: View, host: string): boolean {
  return isHostAlive(tables, host) || unreadable.has(keys.alive(host));
}

/** Whether the agent of a host keeps it alive; of a host that another machine has taken the name of, it does not. */
function isHostAlive(tables: Tables, host: string): boolean {
  const alive = tables.alive.get(host)?.value;
  const node = tables.node.get(host)?.value;
  return alive !== undefined && (node === undefined || node.id === alive.id);
}

function namesWith(tables: Tables, selector: Labels): readonly string[] {
  const names = new Set<string>();
  for (const { value } of [...tables.container.values(), ...tables.workload.values()])
    if (selects(selector, value.labels)) names.add(value.name);
  return [...names].sort();
}

/** What each record says, by endpoint: a host may have thousands. */
const verdicts = new WeakMap<HealthRecord, ReadonlyMap<string, HealthVerdict>>();

function verdictOf(
  record: HealthRecord | undefined,
  service: string,
  { portName, address, port }: Endpoint,
): HealthVerdict | undefined {
  if (record === undefined) return undefined;
  let known = verdicts.get(record);
  if (known === undefined) {
    known = new Map<string, HealthVerdict>([
      ...(record.healthy ?? []).map((id) => [id, 'healthy'] as const),
      ...record.unhealthy.map((one) => [healthId(one), { complaint: one.reason }] as const),
    ]);
    verdicts.set(record, known);
  }
  const found = known.get(healthId({ service, portName, address, port }));
  return found ?? (record.healthy === undefined ? 'healthy' : undefined);
}

function range(text: string): Block {
  const block = parseBlock(text);
  if (block === undefined)
    throw new CausewayError('unreadable', `reading a range from etcd: "${text}" is no CIDR`);
  return block;
}

function hostOf(tables: Tables, address: string): string | undefined {
  for (const { value: node } of tables.node.values()) {
    const isPublic = entriesOf(node).some(([, { publicIp }]) => publicIp === address);
    if (isPublic || node.addresses.includes(address)) return node.name;
  }
  for (const { value: lease } of tables.lease.values()) {
    const own = entriesOf(lease).find(([, { publicIp }]) => publicIp === address);
    if (own !== undefined) return lease.node?.name ?? `with subnet ${own[1].subnet}`;
  }
  return undefined;
}

function workloadAt(tables: Tables, address: string): string | undefined {
  for (const { value } of tables.workload.values()) if (value.addresses.includes(address)) return value.name;
  return undefined;
}

function serviceWithEndpointAt(tables: Tables, address: string): string | undefined {
  for (const { value: set } of tables.endpoints.values()) {
    if (set.endpoints.some((endpoint) => endpoint.address === address)) return set.service;
  }
  return undefined;
}
