import { CausewayError } from '../errors.ts';
import type { ContainerSpec } from '../model/container.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import type { SubnetLease } from '../model/lease.ts';
import type { NetworkConfig } from '../model/network.ts';
import type { ServiceSpec } from '../model/service.ts';
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
import type { KeyValue, PrefixState } from './store.ts';

/** What an agent's watches delivered last. */
export interface SnapshotInput {
  /** Under `keys.networkPrefix`. */
  readonly network: PrefixState;
  /** Under `keys.servicePrefix`. */
  readonly services: PrefixState;
  /** Under `keys.containerPrefix`. */
  readonly containers: PrefixState;
  /** Under `keys.settings`; without that key the defaults hold. */
  readonly settings: PrefixState;
}

export interface BuiltSnapshot {
  /** Undefined as long as no readable network configuration was ever seen. */
  readonly snapshot: Snapshot | undefined;
  /** One sentence for each key that could not be read; each concerns nothing but itself. */
  readonly problems: readonly string[];
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
 */
export function snapshotBuilder(nodeName: string): (input: SnapshotInput) => BuiltSnapshot {
  const readNetwork = cachedReader(decodeNetworkKey);
  const readServices = cachedReader(decodeServiceKey);
  const readContainers = cachedReader(decodeContainer);
  const readSettings = cachedReader((kv) => (kv.key === keys.settings ? decodeSettings(kv) : undefined));
  let config: NetworkConfig | undefined;
  let settings: Settings = DEFAULT_SETTINGS;

  return (input) => {
    const network = readNetwork(input.network);
    const services = readServices(input.services);
    const containers = readContainers(input.containers);
    const settingsRead = readSettings(input.settings);
    for (const part of network.values) if ('config' in part) config = part.config;
    settings = settingsRead.values[0] ?? settings;
    const reads = [network, services, containers, settingsRead];
    const problems = reads.flatMap((read) => read.problems);
    const unreadable = reads.flatMap((read) => read.unreadable);
    const unknownContainers = containers.unknown.map((key) => key.slice(keys.containerPrefix.length));
    if (!input.network.items.has(keys.networkConfig))
      problems.push(`the network has no configuration: etcd key ${keys.networkConfig} is absent`);
    if (config === undefined) return { snapshot: undefined, problems, unreadable, unknownContainers };
    return {
      ...{ problems, unreadable, unknownContainers },
      snapshot: {
        config,
        settings,
        leases: network.values.flatMap((part) => ('lease' in part ? [part.lease] : [])),
        ...sortOut(services.values),
        containers: containers.values.filter((container: ContainerSpec) => container.host === nodeName),
        networkRevision: input.network.revision,
        servicesRevision: input.services.revision,
      },
    };
  };
}

type NetworkPart = { readonly config: NetworkConfig } | { readonly lease: SubnetLease };
type ServicePart = { readonly spec: ServiceSpec } | { readonly set: EndpointSet };

function decodeNetworkKey(kv: KeyValue): Decoded<NetworkPart> | undefined {
  if (kv.key === keys.networkConfig) return wrap(decodeNetworkConfig(kv), (config) => ({ config }));
  return isLeaseKey(kv.key) ? wrap(decodeLease(kv), (lease) => ({ lease })) : undefined;
}

function decodeServiceKey(kv: KeyValue): Decoded<ServicePart> | undefined {
  if (kv.key.endsWith('/spec')) return wrap(decodeServiceSpec(kv), (spec) => ({ spec }));
  if (kv.key.endsWith('/endpoints')) return wrap(decodeEndpointSet(kv), (set) => ({ set }));
  return undefined;
}

function sortOut(parts: readonly ServicePart[]): Pick<Snapshot, 'services' | 'endpoints'> {
  const services: ServiceSpec[] = [];
  const endpoints = new Map<string, EndpointSet>();
  for (const part of parts) {
    if ('spec' in part) services.push(part.spec);
    else endpoints.set(part.set.service, part.set);
  }
  return { services, endpoints };
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
    for (const kv of state.items.values()) {
      const { value, good } = decoded(kv);
      if (good !== undefined) read.values.push(good);
      if (!(value instanceof CausewayError)) continue;
      read.problems.push(value.message);
      read.unreadable.push(kv.key);
      if (good === undefined) read.unknown.push(kv.key);
    }
    // All that the state has is known, so it has less exactly when something is gone.
    if (known.size > state.items.size)
      for (const key of known.keys()) if (!state.items.has(key)) known.delete(key);
    last = { state, read };
    return read;
  };
}
