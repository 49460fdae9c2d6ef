import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@causeway/shared/errors';
import type { NodeRecord } from '@causeway/shared/model/node';
import type { LeaseHandle, Store } from '@causeway/shared/store/store';
import { acquire, type Candidate, proveAlive, whatIsLost } from './acquire.ts';

export interface JoinInput {
  readonly node: Candidate;
  /** Made new at each start of the agent. */
  readonly instance: string;
  /** What this host had before, from its own disk; preferred when it is free. */
  readonly lastSubnet?: string;
  /** How long the host keeps its name and subnet when it is away, seconds; default 24 h. */
  readonly ownershipSeconds?: number;
  /** How soon a dead host is noticed, seconds; default 10. */
  readonly aliveSeconds?: number;
  /** 0 ≤ random() < 1 */
  readonly random?: () => number;
}

export type MembershipEvent =
  /** etcd, or our own clock, says that a lease is gone. Joining again has begun. */
  | { readonly kind: 'lost'; readonly what: 'ownership' | 'liveness'; readonly reason: string }
  /** Joining again failed and will be tried again: etcd is away, or the name or every subnet is somebody else's. */
  | { readonly kind: 'retrying'; readonly reason: string }
  /** Joined again with the same subnet. What was written on the old ownership lease must be written again. */
  | { readonly kind: 'restored' }
  /** Joined again, but the old subnet belongs to somebody else. */
  | { readonly kind: 'moved'; readonly from: string; readonly to: string };

/** This host's place in the cluster, kept for as long as the agent runs. */
export interface Membership {
  /** The host's record as it is in etcd, with its subnet. */
  readonly record: NodeRecord;
  /** The lease that the record and the subnet are on; for keys that should go when the host is gone for good. */
  readonly ownership: LeaseHandle;
  onEvent(listener: (event: MembershipEvent) => void): void;
  /**
   * Looks in etcd whether all that joining wrote is still there, and joins again when it is not: for the moment when a
   * watch shows the own lease missing or changed, and now and then. Resolves when the host has joined again.
   */
  verify(): Promise<void>;
  /** Stops renewing and leaves all keys to run out: the host keeps its subnet over a restart of the agent. */
  stop(): void;
}

const DAY_SECONDS = 86_400;
const DEFAULT_ALIVE_SECONDS = 10;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;

/**
 * Registers this host, leases a subnet for it and keeps both.
 *
 * @throws CausewayError as `acquire` does: `conflict` for a name that is another host's, `exhausted`, …
 */
export async function joinCluster(store: Store, input: JoinInput): Promise<Membership> {
  const ownership = await store.grantLease(input.ownershipSeconds ?? DAY_SECONDS);
  const liveness = await store.grantLease(input.aliveSeconds ?? DEFAULT_ALIVE_SECONDS);
  try {
    const last = input.lastSubnet === undefined ? {} : { lastSubnet: input.lastSubnet };
    const record = await acquire(store, { random: Math.random, ...input, ...last, ownership, liveness });
    return new Keeper(store, input, { ownership, liveness }, record);
  } catch (error) {
    await Promise.allSettled([ownership.revoke(), liveness.revoke()]);
    throw error;
  }
}

type What = 'ownership' | 'liveness';

/** Any loss ends in the same loop, which goes on until this host holds its name, its subnet and both leases again. */
class Keeper implements Membership {
  readonly #store: Store;
  readonly #input: JoinInput;
  readonly #stopped = new AbortController();
  readonly #listeners: ((event: MembershipEvent) => void)[] = [];
  readonly #leases: Record<What, LeaseHandle>;
  #record: NodeRecord;
  /** What etcd must be told again; set by a loss, also while the loop is at work. */
  #pending: Record<What, boolean> = { ownership: false, liveness: false };
  #work: Promise<void> | undefined;

  constructor(store: Store, input: JoinInput, leases: Record<What, LeaseHandle>, record: NodeRecord) {
    this.#store = store;
    this.#input = input;
    this.#leases = leases;
    this.#record = record;
    this.#attend('ownership');
    this.#attend('liveness');
  }

  get record(): NodeRecord {
    return this.#record;
  }

  get ownership(): LeaseHandle {
    return this.#leases.ownership;
  }

  onEvent(listener: (event: MembershipEvent) => void): void {
    this.#listeners.push(listener);
  }

  async verify(): Promise<void> {
    if (this.#work === undefined) {
      const lost = await whatIsLost(this.#store, this.#record, this.#input.instance);
      if (lost !== undefined) this.#onLost(lost.what, lost.reason);
    }
    await this.#work;
  }

  stop(): void {
    this.#stopped.abort();
    this.#leases.ownership.release();
    this.#leases.liveness.release();
  }

  #attend(what: What): void {
    const handle = this.#leases[what];
    handle.onLost((reason) => {
      if (this.#leases[what] === handle) this.#onLost(what, reason);
    });
  }

  #onLost(what: What, reason: string): void {
    if (this.#stopped.signal.aborted) return;
    this.#pending[what] = true;
    this.#emit({ kind: 'lost', what, reason });
    this.#work ??= this.#rejoin().finally(() => {
      this.#work = undefined;
    });
  }

  async #rejoin(): Promise<void> {
    let pauseMs = RETRY_MIN_MS;
    while (!this.#stopped.signal.aborted && (this.#pending.ownership || this.#pending.liveness)) {
      const pending = this.#pending;
      this.#pending = { ownership: false, liveness: false };
      try {
        await this.#rejoinOnce(pending);
      } catch (error) {
        this.#pending = { ownership: pending.ownership || this.#pending.ownership, liveness: true };
        this.#emit({ kind: 'retrying', reason: messageOf(error) });
        await sleep(pauseMs, undefined, { signal: this.#stopped.signal }).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS);
      }
    }
    if (this.#stopped.signal.aborted) this.stop();
  }

  async #rejoinOnce(pending: Readonly<Record<What, boolean>>): Promise<void> {
    await this.#grantIfLost('ownership', this.#input.ownershipSeconds ?? DAY_SECONDS);
    await this.#grantIfLost('liveness', this.#input.aliveSeconds ?? DEFAULT_ALIVE_SECONDS);
    const { ownership, liveness } = this.#leases;
    const from = this.#record.subnet;
    const aliveIsEnough =
      !pending.ownership && (await proveAlive(this.#store, this.#record, this.#input.instance, liveness));
    if (!aliveIsEnough) {
      const again = { random: Math.random, ...this.#input, lastSubnet: from, ownership, liveness };
      this.#record = await acquire(this.#store, again);
    }
    const to = this.#record.subnet;
    this.#emit(from === to ? { kind: 'restored' } : { kind: 'moved', from, to });
  }

  async #grantIfLost(what: What, seconds: number): Promise<void> {
    if (this.#leases[what].remainingMs() > 0) return;
    this.#leases[what] = await this.#store.grantLease(seconds);
    this.#attend(what);
  }

  #emit(event: MembershipEvent): void {
    if (this.#stopped.signal.aborted) return;
    for (const listener of this.#listeners) listener(event);
  }
}
