import { CausewayError } from '@causeway/shared/errors';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodeAlive, NodeRecord } from '@causeway/shared/model/node';
import { decodeAlive, decodeNode } from '@causeway/shared/store/codec';
import { decodeLease, decodeNetworkConfig, subnetOfKey } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, KeyValue, Store } from '@causeway/shared/store/store';
import type { TakenSubnet } from './pick.ts';

/** What etcd holds that concerns a host that wants to join. */
export interface Registry {
  readonly config: NetworkConfig;
  readonly taken: readonly TakenSubnet[];
  /** Undefined when absent or unreadable. */
  readonly node: NodeRecord | undefined;
  readonly alive: NodeAlive | undefined;
  /** A guard that holds as long as the key is as it was read. */
  unchanged(key: string): Guard;
}

/** @throws CausewayError `not-found` without a network configuration, `unreadable`, `unreachable`, `timeout` */
export async function readRegistry(store: Store, name: string): Promise<Registry> {
  const [config, node, alive, leases, claims] = await Promise.all([
    store.get(keys.networkConfig),
    store.get(keys.node(name)),
    store.get(keys.alive(name)),
    store.list(keys.subnetPrefix),
    store.list(keys.claimPrefix),
  ]);
  const read = [config, node, alive, ...leases.items, ...claims.items].filter((kv) => kv !== undefined);
  const revisions = new Map(read.map((kv) => [kv.key, kv.modRevision]));
  return {
    config: configOf(config),
    taken: takenSubnets(leases.items, claims.items),
    node: node === undefined ? undefined : unlessError(decodeNode(node)),
    alive: alive === undefined ? undefined : unlessError(decodeAlive(alive)),
    unchanged: (key) => {
      const modRevision = revisions.get(key);
      return modRevision === undefined ? { key, absent: true } : { key, modRevision };
    },
  };
}

/**
 * A subnet is taken by the mere presence of its key, even one that cannot be read: its claim says then whose it is.
 * One entry for each key: a lease of ours with somebody else's claim is not ours.
 */
export function takenSubnets(leases: readonly KeyValue[], claims: readonly KeyValue[]): TakenSubnet[] {
  const fromClaims = claims.flatMap((kv) => {
    const subnet = subnetOfKey(kv.key);
    return subnet === undefined ? [] : [{ subnet, ownerId: kv.value }];
  });
  const claimants = new Map(fromClaims.map(({ subnet, ownerId }) => [subnet, ownerId]));
  const fromLeases = leases.flatMap((kv): TakenSubnet[] => {
    const subnet = subnetOfKey(kv.key);
    if (subnet === undefined) return [];
    const lease = decodeLease(kv);
    if (lease instanceof CausewayError) {
      const ownerId = claimants.get(subnet);
      return [{ subnet, ...(ownerId === undefined ? {} : { ownerId }) }];
    }
    const owner = lease.node === undefined ? {} : { ownerId: lease.node.id };
    return [{ subnet, publicIp: lease.publicIp, ...owner }];
  });
  return [...fromLeases, ...fromClaims];
}

function configOf(kv: KeyValue | undefined): NetworkConfig {
  if (kv === undefined)
    throw new CausewayError(
      'not-found',
      `joining the network: etcd has no network configuration under ${keys.networkConfig}; the controller writes it at its start`,
    );
  const config = decodeNetworkConfig(kv);
  if (config instanceof CausewayError) throw config;
  return config;
}

function unlessError<T>(value: T | CausewayError): T | undefined {
  return value instanceof CausewayError ? undefined : value;
}
