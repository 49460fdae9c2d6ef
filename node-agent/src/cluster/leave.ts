import { CausewayError } from '@causeway/shared/errors';
import { entriesOf } from '@causeway/shared/net/family';
import {
  type Decoded,
  decodeAlive,
  decodeContainerStatus,
  decodeEvent,
  decodeIdentity,
  decodeNode,
} from '@causeway/shared/store/codec';
import { decodeLease } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';

/** Somebody else changed the keys after they were read: look again this often. */
const MAX_ATTEMPTS = 5;
/** etcd takes 128 operations in a transaction. */
const CHUNK = 50;

/**
 * Takes this host out of the cluster: all that it wrote of itself, and nothing that carries another id. Reservations
 * and what an operator decided about the host stay.
 *
 * @returns a sentence for what was given back; empty when there was nothing
 * @throws CausewayError `unreachable`, `timeout`, `conflict` when the keys keep changing
 */
export async function leaveCluster(store: Store, name: string, id: string): Promise<readonly string[]> {
  const removed = new Map<string, KeyValue>();
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const own = await ownKeys(store, name, id);
    const gone = await removeUnchanged(store, own);
    for (const kv of gone) removed.set(kv.key, kv);
    if (gone.length === own.length) return told(name, removed);
  }
  throw new CausewayError(
    'conflict',
    `taking ${name} out of the cluster: its keys changed during each of ${MAX_ATTEMPTS} attempts; run it again`,
  );
}

function told(name: string, removed: ReadonlyMap<string, KeyValue>): readonly string[] {
  if (removed.size === 0) return [];
  const subnets = [...removed.values()]
    .filter(({ key }) => key.startsWith(keys.subnetPrefix))
    .flatMap((kv) => readable(decodeLease(kv)) ?? [])
    .flatMap((lease) => entriesOf(lease).map(([, { subnet }]) => subnet));
  const parts = [
    ...(subnets.length === 0 ? [] : [`subnet ${subnets.join(' and ')}`]),
    ...(removed.has(keys.node(name)) ? [`the name ${name}`] : []),
  ];
  return [parts.length === 0 ? `removed what was left of ${name}` : `gave back ${parts.join(' and ')}`];
}

/** The node's record comes last: it is the proof that the others are ours, should we be interrupted. */
async function ownKeys(store: Store, name: string, id: string): Promise<KeyValue[]> {
  const [node, alive, identity, report, events, statuses, leases, claims] = await Promise.all([
    store.get(keys.node(name)),
    store.get(keys.alive(name)),
    store.get(keys.identity(id)),
    store.get(keys.report(name)),
    store.list(`${keys.eventPrefix}${name}/`),
    store.list(keys.containerStatusPrefix),
    store.list(keys.subnetPrefix),
    store.list(keys.claimPrefix),
  ]);
  const byId = [
    ...leases.items.filter((kv) => readable(decodeLease(kv))?.node?.id === id),
    ...claims.items.filter((kv) => kv.value === id),
    ...(identity !== undefined && readable(decodeIdentity(identity))?.name === name ? [identity] : []),
  ];
  const owner = (node && readable(decodeNode(node))?.id) ?? (alive && readable(decodeAlive(alive))?.id);
  if (owner !== id) return byId;
  const byName = [
    ...statuses.items.filter((kv) => readable(decodeContainerStatus(kv))?.host === name),
    ...events.items.filter((kv) => readable(decodeEvent(kv))?.node === name),
    ...[report, alive, node],
  ];
  return [...byId, ...byName].filter((kv) => kv !== undefined);
}

async function removeUnchanged(store: Store, own: readonly KeyValue[]): Promise<KeyValue[]> {
  const removed: KeyValue[] = [];
  for (let from = 0; from < own.length; from += CHUNK) {
    const chunk = own.slice(from, from + CHUNK);
    const { ok } = await store.transaction(
      chunk.map(({ key, modRevision }) => ({ key, modRevision })),
      chunk.map(({ key }) => ({ delete: key })),
    );
    if (ok) removed.push(...chunk);
  }
  return removed;
}

function readable<T>(value: Decoded<T>): T | undefined {
  return value instanceof CausewayError ? undefined : value;
}
