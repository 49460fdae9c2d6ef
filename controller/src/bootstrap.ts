import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError, type ErrorCode } from '@causeway/shared/errors';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { Settings } from '@causeway/shared/model/settings';
import { networkFlagOf } from '@causeway/shared/network-flags';
import { decodeNode, decodeSettings, encode } from '@causeway/shared/store/codec';
import { decodeNetworkConfig, encodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';
import { configOf, type NetworkPatch } from './network/patch.ts';
import { newSettings, otherSettings, type WantedSettings } from './settings.ts';
import type { HostNetwork } from './validate/cluster-facts.ts';
import {
  checkDisjoint,
  checkHostNetworks,
  checkNotHuge,
  checkOwnAddresses,
  named,
  type OwnAddress,
  type Ranges,
} from './validate/ranges.ts';
import { hostNetworks } from './view/facts.ts';

/** The cluster as the flags ask for it. What was not asked for is undefined: an existing cluster's own counts. */
export interface Wanted extends NetworkPatch, WantedSettings {
  /** Where the controller and etcd are reached: in neither range. */
  readonly own?: readonly OwnAddress[];
}

export interface Cluster {
  readonly config: NetworkConfig;
  readonly settings: Settings;
}

export const DEFAULT_NETWORK = '10.10.0.0/16';

/** First and longest pause while etcd is not there, milliseconds. */
const WAIT_MIN_MS = 100;
const WAIT_MAX_MS = 1_000;
/** What passes without this process: etcd comes back, and somebody repairs a key. */
const PASSING: readonly ErrorCode[] = ['unreachable', 'timeout', 'unreadable'];

/**
 * What a new cluster of these flags is.
 *
 * @throws CausewayError `invalid`: a range too small or too large, ranges that overlap or hold our own address, no CIDR
 */
export function newCluster(wanted: Wanted): Cluster {
  const config = configOf(
    undefined,
    { ...wanted, network: wanted.network ?? DEFAULT_NETWORK },
    networkFlagOf,
  );
  const settings = newSettings(wanted, config.ipv6?.network);
  const ranges = rangesOf({ config, settings });
  for (const [flag, text] of named(ranges)) checkNotHuge(flag, text);
  checkDisjoint(ranges);
  // What was not asked for may be another in etcd, and is checked when that is known.
  checkOwnAddresses(
    {
      ...(wanted.network === undefined ? {} : { network: ranges.network }),
      ...(wanted.networkIpv6 === undefined ? {} : { networkIpv6: ranges.networkIpv6 }),
      ...(wanted.serviceRange === undefined ? {} : { serviceRange: settings.serviceRange }),
      ...(wanted.serviceRangeIpv6 === undefined ? {} : { serviceRangeIpv6: settings.serviceRangeIpv6 }),
    },
    wanted.own ?? [],
  );
  return { config, settings };
}

/**
 * Writes the network's configuration and the settings where there are none.
 * Everything is checked before anything is written. Waits for etcd, and for keys that cannot be read to be repaired,
 * for as long as it takes.
 *
 * @param onWait is told why it waits, each time
 * @throws CausewayError `invalid` when the ranges overlap something
 */
export async function ensureCluster(
  store: Store,
  wanted: Wanted,
  onWait: (reason: string) => void,
  signal?: AbortSignal,
): Promise<Cluster> {
  const fresh = newCluster(wanted);
  for (let pause = WAIT_MIN_MS; ; pause = Math.min(pause * 2, WAIT_MAX_MS)) {
    try {
      const cluster = await settle(store, wanted, fresh);
      if (cluster !== undefined) return cluster;
    } catch (error) {
      if (!(error instanceof CausewayError) || !PASSING.includes(error.code)) throw error;
      onWait(error.message);
    }
    await sleep(pause, undefined, signal === undefined ? {} : { signal });
  }
}

/** @returns undefined when another controller wrote in between */
async function settle(store: Store, wanted: Wanted, fresh: Cluster): Promise<Cluster | undefined> {
  const config = await read(store, keys.networkConfig, decodeNetworkConfig);
  // One that was deleted comes back as hosts follow it, whatever the flags of its first day were.
  const known = config ?? (await read(store, keys.acceptedNetwork, decodeNetworkConfig));
  const settings = await read(store, keys.settings, decodeSettings);
  const cluster = {
    config: known ?? fresh.config,
    settings: settings ?? fresh.settings,
  };
  const ranges = rangesOf(cluster);
  checkOwnAddresses(ranges, wanted.own ?? []);
  if (config !== undefined && settings !== undefined) return cluster;
  checkDisjoint(ranges);
  const hosts = await knownNetworks(store);
  const { serviceRange, serviceRangeIpv6, ...networks } = ranges;
  if (known === undefined) checkHostNetworks(networks, hosts);
  if (settings === undefined) checkHostNetworks({ serviceRange, serviceRangeIpv6 }, hosts);
  const missing = [
    ...(config === undefined ? [[keys.networkConfig, encodeNetworkConfig(cluster.config)] as const] : []),
    ...(settings === undefined ? [[keys.settings, encode(cluster.settings)] as const] : []),
  ];
  const { ok } = await store.transaction(
    missing.map(([key]) => ({ key, absent: true })),
    missing.map(([put, value]) => ({ put, value })),
  );
  return ok ? cluster : undefined;
}

async function read<T>(
  store: Store,
  key: string,
  decode: (kv: KeyValue) => T | CausewayError,
): Promise<T | undefined> {
  const found = await store.get(key);
  const decoded = found && decode(found);
  if (decoded instanceof CausewayError) throw decoded;
  return decoded;
}

async function knownNetworks(store: Store): Promise<readonly HostNetwork[]> {
  const { items } = await store.list(keys.nodePrefix);
  const nodes = items.flatMap((item) => {
    const node = decodeNode(item);
    return node instanceof CausewayError ? [] : [node];
  });
  return hostNetworks(nodes);
}

/**
 * Flags of the first configuration that `svcctl network set` may have changed since, as `svcctl settings set` the
 * others. They are no reason to refuse an existing cluster: a controller could not be started again after such a change.
 */
const CHANGEABLE = [
  ...(['network', 'subnetLen', 'networkIpv6', 'subnetLenIpv6'] as const),
  ...(['backend', 'directRouting', 'fallback', 'vni', 'port', 'mtu'] as const),
  ...(['masquerade', 'nonMasqueradeCidrs'] as const),
] as const;

/** What was asked for and is not so in a cluster that exists, each a sentence. */
export function ignoredFlags(wanted: Wanted, { config, settings }: Cluster): readonly string[] {
  const asked = CHANGEABLE.filter((field) => wanted[field] !== undefined);
  const patch: NetworkPatch = Object.fromEntries(asked.map((field) => [field, wanted[field]]));
  const isOther = asked.length > 0 && !isSo(patch, config);
  const others = otherSettings(wanted, newSettings(wanted, undefined), settings);
  const flags = asked.map((field) => `--${networkFlagOf(field)}`);
  return [
    ...(isOther ? [ignored(flags, 'network configuration', 'network')] : []),
    ...(others.length > 0 ? [ignored(others, 'value', 'settings')] : []),
  ];
}

function ignored(flags: readonly string[], what: string, command: string): string {
  return `${flags.join(', ')}: the cluster in etcd has another ${what}, which holds; svcctl ${command} set changes it`;
}

function isSo(patch: NetworkPatch, config: NetworkConfig): boolean {
  try {
    const asked = configOf(config, patch);
    const { renumber: _renumber, ...found } = config;
    return encodeNetworkConfig(asked) === encodeNetworkConfig(found);
  } catch (error) {
    if (error instanceof CausewayError) return false;
    throw error;
  }
}

/** A cluster's ranges, as they are checked against each other and against the hosts. */
export function rangesOf({ config, settings }: Cluster): Ranges {
  return {
    network: config.ipv4?.network,
    networkIpv6: config.ipv6?.network,
    serviceRange: settings.serviceRange,
    serviceRangeIpv6: settings.serviceRangeIpv6,
  };
}
