import { CausewayError } from '@causeway/shared/errors';
import type {
  Guard,
  KeyValue,
  LeaseHandle,
  PrefixListener,
  Store,
  TransactionResult,
  Watch,
  Write,
} from '@causeway/shared/store/store';

/** An etcd in memory, for unit tests: the same revisions, guards and deliveries, and an outage at will. */
export interface FakeStore extends Store {
  /** From here on nothing is answered and watches are broken, as when etcd is gone. */
  fail(reason: string): void;
  /** It answers again; every watch lists again. */
  recover(): void;
  /** Called before each transaction's guards are checked: the place to be faster than the code under test. */
  beforeTransaction(hook: (() => Promise<void>) | undefined): void;
  /** How many transactions wrote something. */
  readonly written: number;
  /** Writes as somebody else would, past the hook. @returns the revision */
  put(key: string, value: unknown): number;
  remove(key: string): number;
  /** A lease runs out: its keys go, and its holder hears of it. */
  expire(leaseId: string): void;
  dump(): Readonly<Record<string, string>>;
}

interface Watcher {
  readonly prefix: string;
  readonly listener: PrefixListener;
  readonly changed: Set<string>;
  scheduled: boolean;
}

interface Held {
  readonly granted: number;
  readonly lost: ((reason: string) => void)[];
}

export function fakeStore(): FakeStore {
  const items = new Map<string, KeyValue>();
  const watchers = new Set<Watcher>();
  let revision = 1;
  let outage: string | undefined;
  let hook: (() => Promise<void>) | undefined;
  let written = 0;
  let leases = 0;
  /** By id; no time passes for them. */
  const live = new Map<string, Held>();

  /** Answers are never there in the same turn of the event loop, as with a network between. */
  async function reachable(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (outage !== undefined) throw new CausewayError('unreachable', `asking etcd: ${outage}`);
  }

  function listing(prefix: string): KeyValue[] {
    return [...items.values()]
      .filter((item) => item.key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  function relist(watcher: Watcher): void {
    watcher.changed.clear();
    watcher.listener.onState({
      items: new Map(listing(watcher.prefix).map((item) => [item.key, item])),
      revision,
    });
    watcher.listener.onConnection?.(true, 'listed');
  }

  function deliver(watcher: Watcher): void {
    watcher.scheduled = false;
    if (!watchers.has(watcher) || outage !== undefined || watcher.changed.size === 0) return;
    const changed = [...watcher.changed];
    watcher.changed.clear();
    const state = new Map(listing(watcher.prefix).map((item) => [item.key, item]));
    watcher.listener.onState({ items: state, revision, changed });
  }

  function announce(key: string): void {
    for (const watcher of watchers) {
      if (!key.startsWith(watcher.prefix)) continue;
      watcher.changed.add(key);
      if (watcher.scheduled) continue;
      watcher.scheduled = true;
      setImmediate(() => deliver(watcher));
    }
  }

  function holds(guard: Guard): boolean {
    const item = items.get(guard.key);
    if ('absent' in guard) return item === undefined;
    if ('present' in guard) return item !== undefined;
    if ('modRevision' in guard) return item?.modRevision === guard.modRevision;
    return item?.value === guard.value;
  }

  function commit(writes: readonly Write[]): number {
    const effective = writes.filter((write) => 'put' in write || items.has(write.delete));
    if (effective.length > 0) {
      revision += 1;
      written += 1;
    }
    for (const write of effective) {
      if ('put' in write) {
        const createRevision = items.get(write.put)?.createRevision ?? revision;
        const leaseId = write.lease?.id ?? '0';
        items.set(write.put, {
          key: write.put,
          value: write.value,
          modRevision: revision,
          createRevision,
          leaseId,
        });
        announce(write.put);
      } else {
        items.delete(write.delete);
        announce(write.delete);
      }
    }
    return revision;
  }

  async function transaction(guards: readonly Guard[], writes: readonly Write[]): Promise<TransactionResult> {
    await reachable();
    await hook?.();
    if (!guards.every(holds)) return { ok: false, revision };
    for (const write of writes) if ('put' in write) refuseDead(write.lease);
    return { ok: true, revision: commit(writes) };
  }

  function lease(ttlSeconds: number): LeaseHandle {
    const id = String(++leases);
    const held: Held = { granted: ttlSeconds, lost: [] };
    live.set(id, held);
    return {
      id,
      remainingMs: () => (live.has(id) ? ttlSeconds * 1000 : 0),
      onLost: (listener) => void held.lost.push(listener),
      release: () => void held.lost.splice(0),
      revoke: async () => {
        held.lost.splice(0);
        expire(id);
      },
    };
  }

  /** A lease that a test made up itself is no business of this store. */
  function refuseDead(handle: LeaseHandle | undefined): void {
    if (handle === undefined || live.has(handle.id) || !(Number(handle.id) <= leases)) return;
    throw new CausewayError('not-found', 'writing to etcd: requested lease not found');
  }

  function expire(id: string): void {
    const lost = live.get(id)?.lost.splice(0) ?? [];
    live.delete(id);
    const held = [...items.values()].filter((item) => item.leaseId === id);
    commit(held.map((item) => ({ delete: item.key })));
    for (const listener of lost) listener('the lease ran out');
  }

  function watchPrefix(prefix: string, listener: PrefixListener): Watch {
    const watcher: Watcher = { prefix, listener, changed: new Set(), scheduled: false };
    watchers.add(watcher);
    setImmediate(() => {
      if (!watchers.has(watcher)) return;
      if (outage === undefined) relist(watcher);
      else listener.onConnection?.(false, outage);
    });
    return { close: () => void watchers.delete(watcher) };
  }

  return {
    get: async (key) => {
      await reachable();
      return items.get(key);
    },
    list: async (prefix) => {
      await reachable();
      return { items: listing(prefix), revision };
    },
    transaction,
    grantLease: async (ttlSeconds) => {
      await reachable();
      return lease(ttlSeconds);
    },
    timeToLive: async (leaseId) => {
      await reachable();
      const granted = live.get(leaseId)?.granted;
      return granted === undefined ? undefined : { ttl: granted, granted };
    },
    watchPrefix,
    ping: reachable,
    close: () => watchers.clear(),
    fail: (reason) => {
      outage = reason;
      for (const watcher of watchers) watcher.listener.onConnection?.(false, reason);
    },
    recover: () => {
      outage = undefined;
      for (const watcher of watchers) relist(watcher);
    },
    beforeTransaction: (next) => {
      hook = next;
    },
    get written() {
      return written;
    },
    put: (key, value) =>
      commit([{ put: key, value: typeof value === 'string' ? value : JSON.stringify(value) }]),
    remove: (key) => commit([{ delete: key }]),
    expire,
    dump: () => Object.fromEntries(listing('').map((item) => [item.key, item.value])),
  };
}
