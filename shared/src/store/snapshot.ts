import { CausewayError } from '../errors.ts';
import type { ContainerSpec } from '../model/container.ts';
import {
  type EffectiveConfig,
  type EffectiveConfigInput,
  effectiveConfig,
  type RefusedConfig,
  unreadableNote,
} from '../model/effective-config.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import type { SubnetLease } from '../model/lease.ts';
import type { NetworkConfig } from '../model/network.ts';
import type { NetworkPolicy, PolicyPeerSet } from '../model/network-policy.ts';
import type { ServiceSpec } from '../model/service.ts';
import { DEFAULT_SETTINGS, type Settings } from '../model/settings.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { follower, SortedMap } from '../sorted-map.ts';
import {
  type Decoded,
  decodeContainer,
  decodeEndpointSet,
  decodePolicy,
  decodePolicyPeers,
  decodeServiceSpec,
  decodeSettings,
  encode,
} from './codec.ts';
import { decodeLease, decodeNetworkConfig, isLeaseKey } from './codec-flannel.ts';
import { keyReader, unknownKeys } from './key-reader.ts';
import { keys } from './keys.ts';
import type { KeyValue, PrefixState } from './store.ts';

/** What an agent's watches delivered last. */
export interface SnapshotInput {
  /** Under `keys.networkPrefix`. */
  readonly network: PrefixState;
  /** Under `keys.servicePrefix`. */
  readonly services: PrefixState;
  /** Under `keys.containerPrefix`. */
  readonly containers: PrefixState;
  /** Under `keys.policyPrefix`. */
  readonly policies: PrefixState;
  /** Under `keys.settings`, with `keys.acceptedNetwork`; without the former key the defaults hold. */
  readonly settings: PrefixState;
}

export interface BuiltSnapshot {
  /** Undefined as long as no network configuration was ever seen that can be read and may be followed. */
  readonly snapshot: Snapshot | undefined;
  /** One sentence for each key that could not be read, which concerns nothing but itself, and for `refused`. */
  readonly problems: readonly string[];
  /** Present: the network's configuration in etcd is not followed. */
  readonly refused?: RefusedConfig;
  /** These keys, whether or not an earlier value of them holds. */
  readonly unreadable: readonly string[];
  /** Containers of which only the name is known, on whatever host: their keys could never be read. */
  readonly unknownContainers: readonly string[];
  /** Policies of which only the name is known: what they are about, and what they refuse, could never be read. */
  readonly unknownPolicies: readonly string[];
}

/**
 * Makes the function that turns watched prefixes into a snapshot for one host. Values that did not change since
 * the last call are not decoded again and are the same objects again, so one change among ten thousand services
 * costs nothing that one hears of, and whoever works with the snapshot may go by identity. As long as a key exists and cannot be
 * read, the last value that could be read holds; of the network configuration and the settings also without the key.
 * A network configuration that never could be read is the one that hosts last followed. Where that is noted but cannot be
 * read, there is no snapshot while the configuration would renumber hosts.
 *
 * @param policies as they could be read in an earlier life
 */
export function snapshotBuilder(
  nodeName: string,
  policies: ReadonlyMap<string, string> = new Map(),
): (input: SnapshotInput) => BuiltSnapshot {
  const readNetwork = keyReader(decodeNetworkKey);
  const readServices = servicesReader();
  const readContainers = keyReader(decodeContainer);
  const ownContainers = ownOf(nodeName);
  const readPolicies = policiesReader();
  readPolicies(stateOf(policies));
  const readSettings = keyReader(decodeSettingsKey);
  const decide = effectiveOnce();
  let latest: NetworkConfig | undefined;
  let settings: Settings = DEFAULT_SETTINGS;

  return (input) => {
    const network = readNetwork(input.network);
    const services = readServices(input.services);
    const containers = readContainers(input.containers);
    const ruled = readPolicies(input.policies);
    const settingsRead = readSettings(input.settings);
    const accepted = settingsRead.values.list().find((part) => 'accepted' in part)?.accepted;
    for (const part of network.values.list()) if ('config' in part) latest = part.config;
    for (const part of settingsRead.values.list()) if ('settings' in part) settings = part.settings;
    const reads = [network, ...services.reads, containers, ...ruled.reads, settingsRead];
    const faults = reads.map((read) => read.faults);
    const found = {
      problems: faults.flatMap((all) => all.list()),
      unreadable: faults.flatMap((all) => [...all.keys()]),
      unknownContainers: unknownKeys(containers).map((key) => key.slice(keys.containerPrefix.length)),
      unknownPolicies: ruled.unknown,
    };
    if (!input.network.items.has(keys.networkConfig)) found.problems.push(absentConfig(input.network));
    const config = latest ?? accepted;
    if (config === undefined) return { ...found, snapshot: undefined };
    const leases = network.values.list().flatMap((part) => ('lease' in part ? [part.lease] : []));
    const unread = unknownKeys(settingsRead).includes(keys.acceptedNetwork)
      ? unreadableNote(config, leases, keys.acceptedNetwork)
      : undefined;
    if (unread !== undefined) {
      found.problems.push(unread);
      return { ...found, snapshot: undefined };
    }
    const effective = decide({ config, accepted, leases }, network.values);
    if (effective.refused !== undefined) found.problems.push(effective.refused.reason);
    return {
      ...found,
      ...(effective.refused === undefined ? {} : { refused: effective.refused }),
      snapshot: {
        config: effective.config,
        settings,
        leases,
        services: services.specs,
        endpoints: services.endpoints,
        containers: ownContainers(containers.values),
        policies: ruled.specs,
        policyPeers: ruled.peers,
        networkRevision: input.network.revision,
        servicesRevision: input.services.revision,
        policiesRevision: input.policies.revision,
      },
    };
  };
}

/** The services' list and map stay the same objects where nothing of theirs changed. */
function servicesReader() {
  const readSpecs = keyReader(decodeSpecKey);
  const readSets = keyReader(decodeSetKey);
  const byService = follower(
    (set: EndpointSet) => set,
    (key) => key.slice(keys.servicePrefix.length, -SET.length),
  );
  let last = { from: SortedMap.of<ServiceSpec>(), list: [] as readonly ServiceSpec[] };
  return (state: PrefixState) => {
    const [specs, sets] = [readSpecs(state), readSets(state)];
    if (last.from !== specs.values) last = { from: specs.values, list: specs.values.list() };
    return { specs: last.list, endpoints: byService(sets.values), reads: [specs, sets] };
  };
}

/** One host's; the same list for as long as none of them changes. */
function ownOf(nodeName: string): (all: SortedMap<ContainerSpec>) => readonly ContainerSpec[] {
  let last = { from: SortedMap.of<ContainerSpec>(), own: [] as readonly ContainerSpec[] };
  return (all) => {
    if (last.from === all) return last.own;
    const isOwn = (spec: ContainerSpec | undefined) => spec?.host === nodeName;
    const isSame = !all.changesSince(last.from).some(({ before, after }) => isOwn(before) || isOwn(after));
    last = { from: all, own: isSame ? last.own : all.list().filter(isOwn) };
    return last.own;
  };
}

function stateOf(values: ReadonlyMap<string, string>): PrefixState {
  const items = [...values].map(
    ([key, value]) => [key, { key, value, modRevision: 0, createRevision: 0, leaseId: '0' }] as const,
  );
  return { items: new Map(items), revision: 0 };
}

/** The values of policies' keys that hold, by key: what a later life begins with. */
export function policyValues({ policies, policyPeers }: Snapshot): ReadonlyMap<string, string> {
  return new Map([
    ...policies.map((policy) => [keys.policySpec(policy.name), encode(policy)] as const),
    ...[...policyPeers].map(([name, set]) => [keys.policyPeers(name), encode(set)] as const),
  ]);
}

/** List and map stay the same objects where nothing of theirs changed. */
function policiesReader() {
  const readSpecs = keyReader(decodePolicyKey);
  const readPeers = keyReader(decodePeersKey);
  const byPolicy = follower(
    (set: PolicyPeerSet) => set,
    (key) => key.slice(keys.policyPrefix.length, -PEERS.length),
  );
  let last = { from: SortedMap.of<NetworkPolicy>(), list: [] as readonly NetworkPolicy[] };
  return (state: PrefixState) => {
    const [specs, sets] = [readSpecs(state), readPeers(state)];
    if (last.from !== specs.values) last = { from: specs.values, list: specs.values.list() };
    const unknown = unknownKeys(specs).map((key) => key.slice(keys.policyPrefix.length, -SPEC.length));
    return { specs: last.list, peers: byPolicy(sets.values), reads: [specs, sets], unknown };
  };
}

/** Decides again only when something changed, so that a refusal costs a service's change nothing. */
function effectiveOnce(): (input: EffectiveConfigInput, leasesFrom: object) => EffectiveConfig {
  let last: { readonly from: readonly unknown[]; readonly decided: EffectiveConfig } | undefined;
  return (input, leasesFrom) => {
    const from = [input.config, input.accepted, leasesFrom];
    if (last?.from.every((one, i) => one === from[i]) !== true)
      last = { from, decided: effectiveConfig(input) };
    return last.decided;
  };
}

function absentConfig({ storedPrefix = keys.networkPrefix }: PrefixState): string {
  const key = storedPrefix + keys.networkConfig.slice(keys.networkPrefix.length);
  return `the network has no configuration: etcd key ${key} is absent`;
}

/** How the key of a service's endpoints ends. */
const SET = '/endpoints';
/** The same of a policy's peers, and of what somebody asked for. */
const PEERS = '/peers';
const SPEC = '/spec';

type NetworkPart = { readonly config: NetworkConfig } | { readonly lease: SubnetLease };
type SettingsPart = { readonly settings: Settings } | { readonly accepted: NetworkConfig };

function decodeNetworkKey(kv: KeyValue): Decoded<NetworkPart> | undefined {
  if (kv.key === keys.networkConfig) return wrap(decodeNetworkConfig(kv), (config) => ({ config }));
  return isLeaseKey(kv.key) ? wrap(decodeLease(kv), (lease) => ({ lease })) : undefined;
}

function decodeSettingsKey(kv: KeyValue): Decoded<SettingsPart> | undefined {
  if (kv.key === keys.settings) return wrap(decodeSettings(kv), (settings) => ({ settings }));
  if (kv.key !== keys.acceptedNetwork) return undefined;
  return wrap(decodeNetworkConfig(kv), (accepted) => ({ accepted }));
}

function decodeSpecKey(kv: KeyValue): Decoded<ServiceSpec> | undefined {
  return kv.key.endsWith(SPEC) ? decodeServiceSpec(kv) : undefined;
}

function decodeSetKey(kv: KeyValue): Decoded<EndpointSet> | undefined {
  return kv.key.endsWith(SET) ? decodeEndpointSet(kv) : undefined;
}

function decodePolicyKey(kv: KeyValue): Decoded<NetworkPolicy> | undefined {
  return kv.key.endsWith(SPEC) ? decodePolicy(kv) : undefined;
}

function decodePeersKey(kv: KeyValue): Decoded<PolicyPeerSet> | undefined {
  return kv.key.endsWith(PEERS) ? decodePolicyPeers(kv) : undefined;
}

function wrap<T, U>(value: Decoded<T>, into: (value: T) => U): Decoded<U> {
  return value instanceof CausewayError ? value : into(value);
}
