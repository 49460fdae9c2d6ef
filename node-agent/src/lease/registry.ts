import { CausewayError } from '@causeway/shared/errors';
import {
  effectiveConfig,
  type RefusedConfig,
  sameSubnets,
  unreadableNote,
} from '@causeway/shared/model/effective-config';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodeAlive, NodeIdentity, NodeRecord } from '@causeway/shared/model/node';
import { type Decoded, decodeAlive, decodeIdentity, decodeNode } from '@causeway/shared/store/codec';
import { decodeLease, decodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, KeyValue, Store } from '@causeway/shared/store/store';
import { type Holding, holdingsOf, type Me } from './holdings.ts';

/** What etcd holds that concerns a host that wants to join, as it was read. */
export interface Registry {
  readonly network: FollowedNetwork;
  /** Every subnet that a key names, and whether it is this host's. */
  readonly holdings: readonly Holding[];
  /** Undefined when absent or unreadable. */
  readonly node: NodeRecord | undefined;
  readonly alive: NodeAlive | undefined;
  readonly identity: NodeIdentity | undefined;
  get(key: string): KeyValue | undefined;
  /** A guard that holds as long as the key is as it was read. */
  unchanged(key: string): Guard;
  /** The same after these keys were read again. @param found undefined: the key is not there */
  with(found: ReadonlyMap<string, KeyValue | undefined>): Registry;
}

export interface FollowedNetwork {
  /** The configuration that hosts follow. */
  readonly config: NetworkConfig;
  /** Why that is not the one in etcd; undefined when it is. */
  readonly refused?: RefusedConfig;
  /** The keys by which that was decided, where another value of one would be another decision. */
  readonly decidedBy: readonly string[];
  /** Of the configuration's key; 0: it is absent. */
  readonly revision: number;
  /** What hosts have noted to follow; undefined: nothing that can be read. */
  readonly accepted: NetworkConfig | undefined;
}

/**
 * Seven requests, whatever the number of hosts: flannel's keys, the claims and the reservations as a whole, and this
 * host's own.
 *
 * @throws CausewayError `not-found` without a network configuration, `unreadable`, `unreachable`, `timeout`
 */
export async function readRegistry(store: Store, me: Me): Promise<Registry> {
  const own = [keys.acceptedNetwork, keys.node(me.name), keys.alive(me.name), keys.identity(me.id)];
  const prefixes = [keys.networkPrefix, keys.claimPrefix, keys.reservationPrefix];
  const [single, listed] = await Promise.all([
    Promise.all(own.map((key) => store.get(key))),
    Promise.all(prefixes.map((prefix) => store.list(prefix))),
  ]);
  const found = [...single, ...listed.flatMap((listing) => listing.items)];
  return registryOf(new Map(found.flatMap((kv) => (kv === undefined ? [] : [[kv.key, kv]]))), me);
}

/** @throws CausewayError `not-found` without a network configuration, `unreadable` */
export function registryOf(items: ReadonlyMap<string, KeyValue>, me: Me): Registry {
  return {
    network: followedNetwork(items),
    holdings: holdingsOf(items.values(), me),
    node: decodedIf(items.get(keys.node(me.name)), decodeNode),
    alive: decodedIf(items.get(keys.alive(me.name)), decodeAlive),
    identity: decodedIf(items.get(keys.identity(me.id)), decodeIdentity),
    get: (key) => items.get(key),
    unchanged: (key) => {
      const modRevision = items.get(key)?.modRevision;
      return modRevision === undefined ? { key, absent: true } : { key, modRevision };
    },
    with: (found) => {
      const next = new Map(items);
      for (const [key, kv] of found) {
        if (kv === undefined) next.delete(key);
        else next.set(key, kv);
      }
      return registryOf(next, me);
    },
  };
}

/** A configuration that is gone or cannot be read changes nothing: the one that hosts followed last holds. */
function followedNetwork(items: ReadonlyMap<string, KeyValue>): FollowedNetwork {
  const kv = items.get(keys.networkConfig);
  const accepted = decodedIf(items.get(keys.acceptedNetwork), decodeNetworkConfig);
  const read = kv === undefined ? noConfig() : decodeNetworkConfig(kv);
  const both = [keys.networkConfig, keys.acceptedNetwork];
  const state = { revision: kv?.modRevision ?? 0, accepted, decidedBy: both };
  if (read instanceof CausewayError) {
    if (accepted === undefined) throw read;
    return { ...state, config: accepted };
  }
  // The usual case, in which the other hosts' leases need not be decoded.
  if (accepted === undefined ? !items.has(keys.acceptedNetwork) : sameSubnets(read, accepted))
    return { ...state, config: read, decidedBy: [keys.networkConfig] };
  const leases = [...items.values()]
    .filter(({ key }) => key.startsWith(keys.subnetPrefix))
    .flatMap((lease) => decodedIf(lease, decodeLease) ?? []);
  const unread = accepted === undefined ? unreadableNote(read, leases, keys.acceptedNetwork) : undefined;
  if (unread !== undefined) throw new CausewayError('unreadable', unread);
  return { ...state, ...effectiveConfig({ config: read, accepted, leases }) };
}

function noConfig(): CausewayError {
  return new CausewayError(
    'not-found',
    `joining the network: etcd has no network configuration under ${keys.networkConfig}; the controller writes it at its start`,
  );
}

function decodedIf<T>(kv: KeyValue | undefined, decode: (kv: KeyValue) => Decoded<T>): T | undefined {
  const value = kv === undefined ? undefined : decode(kv);
  return value instanceof CausewayError ? undefined : value;
}
