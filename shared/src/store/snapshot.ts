import { CausewayError } from '../errors.ts';
import type { ContainerSpec } from '../model/container.ts';
import {
  type EffectiveConfig,
  type EffectiveConfigInput,
  effectiveConfig,
  type RefusedConfig,
  unreadableNote,
} from '../model/effective-config.ts';
import type { SubnetLease } from '../model/lease.ts';
import type { NetworkConfig } from '../model/network.ts';
import { DEFAULT_SETTINGS, type Settings } from '../model/settings.ts';
import type { Snapshot } from '../model/snapshot.ts';
import {
  type Decoded,
  decodeContainer,
  decodeEndpointSet,
  decodeServiceSpec,
  decodeSettings,
} from './codec.ts';
import { decodeLease, decodeNetworkConfig, isLeaseKey } from './codec-flannel.ts';
import { keys } from './keys.ts';
import { type ServicePart, serviceSorter } from './service-parts.ts';
import type { KeyValue, PrefixState } from './store.ts';

/** What an agent's watches delivered last. */
export interface SnapshotInput {
  /** Under `keys.networkPrefix`. */
  readonly network: PrefixState;
  /** Under `keys.servicePrefix`. */
  readonly services: PrefixState;
  /** Under `keys.containerPrefix`. */
  readonly containers: PrefixState;
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
}

/**
 * Makes the function that turns watched prefixes into a snapshot for one host. Values that did not change since
 * the last call are not decoded again and are the same objects again, so one change among ten thousand services
 * costs some 5 ms, and whoever works with the snapshot may go by identity. As long as a key exists and cannot be
 * read, the last value that could be read holds; of the network configuration and the settings also without the key.
 * A network configuration that never could be read is the one that hosts last followed. Where that is noted but cannot be
 * read, there is no snapshot while the configuration would renumber hosts.
 */
export function snapshotBuilder(nodeName: string): (input: SnapshotInput) => BuiltSnapshot {
  const readNetwork = cachedReader(decodeNetworkKey);
  const readServices = cachedReader(decodeServiceKey);
  const readContainers = cachedReader(decodeContainer);
  const readSettings = cachedReader(decodeSettingsKey);
  const sortOut = serviceSorter();
  const decide = effectiveOnce();
  let latest: NetworkConfig | undefined;
  let settings: Settings = DEFAULT_SETTINGS;

  return (input) => {
    const network = readNetwork(input.network);
    const services = readServices(input.services);
    const containers = readContainers(input.containers);
    const settingsRead = readSettings(input.settings);
    const accepted = settingsRead.values.find((part) => 'accepted' in part)?.accepted;
    for (const part of network.values) if ('config' in part) latest = part.config;
    for (const part of settingsRead.values) if ('settings' in part) settings = part.settings;
    const reads = [network, services, containers, settingsRead];
    const found = {
      problems: reads.flatMap((read) => read.problems),
      unreadable: reads.flatMap((read) => read.unreadable),
      unknownContainers: containers.unknown.map((key) => key.slice(keys.containerPrefix.length)),
    };
    if (!input.network.items.has(keys.networkConfig)) found.problems.push(absentConfig(input.network));
    const config = latest ?? accepted;
    if (config === undefined) return { ...found, snapshot: undefined };
    const leases = network.values.flatMap((part) => ('lease' in part ? [part.lease] : []));
    const unread = settingsRead.unknown.includes(keys.acceptedNetwork)
      ? unreadableNote(config, leases, keys.acceptedNetwork)
      : undefined;
    if (unread !== undefined) {
      found.problems.push(unread);
      return { ...found, snapshot: undefined };
    }
    const effective = decide({ config, accepted, leases }, network);
    if (effective.refused !== undefined) found.problems.push(effective.refused.reason);
    return {
      ...found,
      ...(effective.refused === undefined ? {} : { refused: effective.refused }),
      snapshot: {
        config: effective.config,
        settings,
        leases,
        ...sortOut(services.values),
        containers: containers.values.filter((container: ContainerSpec) => container.host === nodeName),
        networkRevision: input.network.revision,
        servicesRevision: input.services.revision,
      },
    };
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

function decodeServiceKey(kv: KeyValue): Decoded<ServicePart> | undefined {
  if (kv.key.endsWith('/spec')) return wrap(decodeServiceSpec(kv), (spec) => ({ spec }));
  if (kv.key.endsWith('/endpoints')) return wrap(decodeEndpointSet(kv), (set) => ({ set }));
  return undefined;
}

function wrap<T, U>(value: Decoded<T>, into: (value: T) => U): Decoded<U> {
  return value instanceof CausewayError ? value : into(value);
}

interface Read<T> {
  readonly values: T[];
  readonly problems: string[];
  readonly unreadable: string[];
  /** Those of them of which no value holds. */
  readonly unknown: string[];
}

interface Known<T> {
  readonly kv: KeyValue;
  readonly value: Decoded<T> | undefined;
  /** The last value that could be read, while there is one. */
  readonly good: T | undefined;
}

/** @param decodeKey answers undefined for a key that is none of ours, which is no problem */
function cachedReader<T>(
  decodeKey: (kv: KeyValue) => Decoded<T> | undefined,
): (state: PrefixState) => Read<T> {
  const known = new Map<string, Known<T>>();
  /** In the order of the last state: from one to the next nearly all keys stay at their places. */
  let order: readonly Known<T>[] = [];
  let last: { readonly state: PrefixState; readonly read: Read<T> } | undefined;

  function decoded(kv: KeyValue): Known<T> {
    const before = known.get(kv.key);
    if (before?.kv === kv) return before;
    // The text, not its revision: etcd's data can be put back from a backup, where revisions repeat.
    const value = before?.kv.value === kv.value ? before.value : decodeKey(kv);
    const found = { kv, value, good: value instanceof CausewayError ? before?.good : value };
    known.set(kv.key, found);
    return found;
  }

  return (state) => {
    if (last?.state === state) return last.read;
    const read: Read<T> = { values: [], problems: [], unreadable: [], unknown: [] };
    const found: Known<T>[] = [];
    for (const kv of state.items.values()) {
      const before = order[found.length];
      const one = before?.kv === kv ? before : decoded(kv);
      found.push(one);
      const { value, good } = one;
      if (good !== undefined) read.values.push(good);
      if (!(value instanceof CausewayError)) continue;
      read.problems.push(value.message);
      read.unreadable.push(kv.key);
      if (good === undefined) read.unknown.push(kv.key);
    }
    // All that the state has is known, so it has less exactly when something is gone.
    if (known.size > state.items.size)
      for (const key of known.keys()) if (!state.items.has(key)) known.delete(key);
    order = found;
    last = { state, read };
    return read;
  };
}
