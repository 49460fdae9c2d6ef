import { CausewayError } from '@causeway/shared/errors';
import { type Decoded, decodeAlive, decodeContainerStatus, decodeNode } from '@causeway/shared/store/codec';
import { decodeLease } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';

export interface Leaver {
  readonly name: string;
  readonly id: string;
}

export interface LeaveOptions {
  /** True: the host keeps its name and subnet until their lease runs out. */
  readonly keepLease?: boolean;
}

/** Somebody else changed the keys after they were read: look again this often. */
const MAX_ATTEMPTS = 5;
/** etcd takes 128 operations in a transaction. */
const CHUNK = 50;

/**
 * Removes what this host wrote about itself, and nothing that carries another id.
 *
 * @returns the keys that were removed
 * @throws CausewayError `unreachable`, `timeout`, `conflict` when the keys keep changing
 */
export async function leaveCluster(store: Store, me: Leaver, options: LeaveOptions = {}): Promise<string[]> {
  const removed: string[] = [];
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const own = await ownKeys(store, me, options.keepLease === true);
    const gone = await removeUnchanged(store, own);
    removed.push(...gone);
    if (gone.length === own.length) return removed;
  }
  throw new CausewayError(
    'conflict',
    `removing host "${me.name}" from etcd: its keys changed during each of ${MAX_ATTEMPTS} attempts`,
  );
}

/** The node's record comes last: it is the proof that the others are ours, should we be interrupted. */
async function ownKeys(store: Store, me: Leaver, keepLease: boolean): Promise<KeyValue[]> {
  const [node, alive, report, statuses, leases, claims] = await Promise.all([
    store.get(keys.node(me.name)),
    store.get(keys.alive(me.name)),
    store.get(keys.report(me.name)),
    store.list(keys.containerStatusPrefix),
    store.list(keys.subnetPrefix),
    store.list(keys.claimPrefix),
  ]);
  const subnets = [
    ...leases.items.filter((kv) => readable(decodeLease(kv))?.node?.id === me.id),
    ...claims.items.filter((kv) => kv.value === me.id),
  ];
  const record = node && readable(decodeNode(node));
  const owner = record?.id ?? (alive && readable(decodeAlive(alive))?.id);
  const byName =
    owner === me.id
      ? [
          ...statuses.items.filter((kv) => readable(decodeContainerStatus(kv))?.host === me.name),
          report,
          alive,
        ]
      : [];
  const nodes = owner === me.id && !keepLease ? [node] : [];
  return [...(keepLease ? [] : subnets), ...byName, ...nodes].filter((kv) => kv !== undefined);
}

async function removeUnchanged(store: Store, own: readonly KeyValue[]): Promise<string[]> {
  const removed: string[] = [];
  for (let from = 0; from < own.length; from += CHUNK) {
    const chunk = own.slice(from, from + CHUNK);
    const { ok } = await store.transaction(
      chunk.map(({ key, modRevision }) => ({ key, modRevision })),
      chunk.map(({ key }) => ({ delete: key })),
    );
    if (ok) removed.push(...chunk.map(({ key }) => key));
  }
  return removed;
}

function readable<T>(value: Decoded<T>): T | undefined {
  return value instanceof CausewayError ? undefined : value;
}
