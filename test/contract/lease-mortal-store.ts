import type { LeaseHandle, Store } from '@causeway/shared/store/store';

/** A process that dies at one of its calls to etcd: before the call has any effect, or after, without hearing of it. */
export interface Death {
  /** From 0. */
  readonly call: number;
  readonly when: 'before' | 'after';
}

export interface MortalStore {
  readonly store: Store;
  /** The leases that the process was granted, as etcd knows them. */
  readonly leases: readonly LeaseHandle[];
  /** How many calls there were. */
  readonly calls: () => number;
  /** Resolves at the death. */
  readonly died: Promise<void>;
}

/** What a process does with a store until it dies; nothing that it waits for ever comes then, and no lease is renewed. */
export function mortalStore(living: Store, death: Death | undefined): MortalStore {
  const leases: LeaseHandle[] = [];
  let calls = 0;
  let isDead = false;
  let tellDeath = () => {};
  const died = new Promise<void>((resolve) => {
    tellDeath = resolve;
  });
  const never = <T>() => new Promise<T>(() => {});

  function die<T>(): Promise<T> {
    isDead = true;
    for (const lease of leases) lease.release();
    tellDeath();
    return never();
  }

  async function call<T>(ask: () => Promise<T>): Promise<T> {
    if (isDead) return never();
    const isLast = calls++ === death?.call;
    if (isLast && death?.when === 'before') return die();
    const answer = await ask();
    return isLast || isDead ? die() : answer;
  }

  const store: Store = {
    ...living,
    get: (key) => call(() => living.get(key)),
    list: (prefix) => call(() => living.list(prefix)),
    transaction: (guards, writes) => call(() => living.transaction(guards, writes)),
    grantLease: (ttlSeconds) =>
      call(async () => {
        const lease = await living.grantLease(ttlSeconds);
        leases.push(lease);
        return lease;
      }),
    close: () => {},
  };
  return { store, leases, calls: () => calls, died };
}
