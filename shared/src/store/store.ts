/**
 * The one door to etcd. `etcd.ts` is the only implementation and the only import of the etcd3 package.
 * Keys are whole strings, values are strings (JSON is the codec's business, see `keys.ts` and `codec.ts`).
 */
export interface KeyValue {
  readonly key: string;
  /** What etcd calls the key, where a prefix of the operator's choice takes the place of ours; for messages. */
  readonly storedKey?: string;
  readonly value: string;
  readonly modRevision: number;
  readonly createRevision: number;
  /** 0 when the key is on no lease. */
  readonly leaseId: string;
}

export interface Listing {
  readonly items: readonly KeyValue[];
  /** The store's revision that this listing is true of. */
  readonly revision: number;
}

/** All keys of a prefix at one revision; delivered whole at first and again after each revision that changed it. */
export interface PrefixState {
  /** Never changed; a key that is as it was before is the same object. Of a watch it is a `SortedMap`. */
  readonly items: ReadonlyMap<string, KeyValue>;
  /** Every change under the prefix up to this revision is in `items`. */
  readonly revision: number;
  /** As `KeyValue.storedKey`: what etcd calls the prefix, where that is another name. */
  readonly storedPrefix?: string;
  /** Keys that changed since the last delivery; undefined after a (re-)list: anything may have changed. */
  readonly changed?: readonly string[];
}

export type Guard =
  | { readonly key: string; readonly absent: true }
  | { readonly key: string; readonly present: true }
  | { readonly key: string; readonly modRevision: number }
  | { readonly key: string; readonly value: string };

export type Write =
  | { readonly put: string; readonly value: string; readonly lease?: LeaseHandle }
  | { readonly delete: string };

export interface TransactionResult {
  /** False: a guard did not hold, nothing was written. */
  readonly ok: boolean;
  readonly revision: number;
}

/** A lease kept alive in the background. */
export interface LeaseHandle {
  readonly id: string;
  /** Milliseconds until the lease expires if nothing more is heard, by our own clock; ≤ 0: treat as lost. */
  remainingMs(): number;
  /** Called once, at the latest when our own timer says that the lease must have expired. */
  onLost(listener: (reason: string) => void): void;
  /** Stops keeping it alive and leaves it to run out. */
  release(): void;
  /** Removes it and its keys at once. */
  revoke(): Promise<void>;
}

/** Of a lease of etcd's, in whole seconds. */
export interface TimeToLive {
  /** Until it runs out if nobody renews it. */
  readonly ttl: number;
  /** After a renewal: `granted - ttl` is how long ago the last one was. */
  readonly granted: number;
}

export interface Watch {
  close(): void;
}

export interface PrefixListener {
  onState(state: PrefixState): void;
  /** `false` when etcd cannot be reached or the watch is broken, `true` when it is whole again. */
  onConnection?(connected: boolean, reason: string): void;
}

export interface Store {
  get(key: string): Promise<KeyValue | undefined>;
  list(prefix: string): Promise<Listing>;
  /** All guards must hold, then all writes happen in one revision. */
  transaction(guards: readonly Guard[], writes: readonly Write[]): Promise<TransactionResult>;
  /** @param ttlSeconds whole seconds, ≥ 1 */
  grantLease(ttlSeconds: number): Promise<LeaseHandle>;
  /** @returns undefined when etcd has no such lease any more */
  timeToLive(leaseId: string): Promise<TimeToLive | undefined>;
  /**
   * Lists a prefix once, watches from there, and lists again whenever the watch could have missed something
   * (reconnect, compaction, every few minutes). Never ends by itself, never throws; a revision's changes arrive together.
   */
  watchPrefix(prefix: string, listener: PrefixListener): Watch;
  /** Rejects with `unreachable` when no member answers within the store's time limit. */
  ping(): Promise<void>;
  close(): void;
}
