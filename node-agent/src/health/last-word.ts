import { messageOf } from '@causeway/shared/errors';
import type { LeaseHandle, PrefixListener, Store } from '@causeway/shared/store/store';

/** When etcd was heard of last. */
export interface LastWord {
  /** Milliseconds since any answer, delivery of a watch or renewal of a lease; undefined: never yet. */
  ageMs(): number | undefined;
  /** Why the last call failed; undefined when something has succeeded since. */
  reason(): string | undefined;
}

/**
 * A store that notes when etcd answers. By a clock that never jumps, so that a stepped wall clock makes no word old.
 *
 * @param now milliseconds, monotonic
 */
export function listening(
  store: Store,
  now: () => number = () => performance.now(),
): { readonly store: Store; readonly lastWord: LastWord } {
  let heardAt: number | undefined;
  let failure: string | undefined;
  /** Leases that are renewed in the background, and how long each lasts when that has just happened, milliseconds. */
  const leases = new Map<LeaseHandle, number>();

  const heard = () => {
    heardAt = now();
    failure = undefined;
  };
  const noting = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      const answer = await call();
      heard();
      return answer;
    } catch (error) {
      failure = messageOf(error);
      throw error;
    }
  };
  const heardBy = (listener: PrefixListener): PrefixListener => ({
    onState: (state) => {
      heard();
      listener.onState(state);
    },
    onConnection: (connected, reason) => {
      if (connected) heard();
      else failure = reason;
      listener.onConnection?.(connected, reason);
    },
  });
  /** A renewal shows in its lease, which lasts longer again. */
  const sinceRenewals = () => [...leases].map(([lease, ttlMs]) => Math.max(0, ttlMs - lease.remainingMs()));

  return {
    store: {
      ...store,
      get: (key) => noting(() => store.get(key)),
      list: (prefix) => noting(() => store.list(prefix)),
      transaction: (guards, writes) => noting(() => store.transaction(guards, writes)),
      ping: () => noting(() => store.ping()),
      watchPrefix: (prefix, listener) => store.watchPrefix(prefix, heardBy(listener)),
      grantLease: async (ttlSeconds) => {
        const askedAt = now();
        const lease = await noting(() => store.grantLease(ttlSeconds));
        for (const old of leases.keys()) if (old.remainingMs() <= 0) leases.delete(old);
        // etcd may grant more than was asked for.
        leases.set(lease, lease.remainingMs() + now() - askedAt);
        lease.onLost(() => leases.delete(lease));
        return lease;
      },
    },
    lastWord: {
      ageMs: () => (heardAt === undefined ? undefined : Math.min(now() - heardAt, ...sinceRenewals())),
      reason: () => failure,
    },
  };
}
