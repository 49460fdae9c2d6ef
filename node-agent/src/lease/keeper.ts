import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodeRecord } from '@causeway/shared/model/node';
import { type ByFamily, entriesOf, mapFamilies } from '@causeway/shared/net/family';
import type { LeaseHandle, Store, Watch } from '@causeway/shared/store/store';
import { acceptSoon } from './accept.ts';
import { type Acquired, acquire, LEASE_FIELD, type Leases } from './acquire.ts';
import { type Finding, isUntouched } from './finding.ts';
import { watchForFree } from './free.ts';
import type { Candidate, JoinInput, Membership, MembershipEvent } from './membership.ts';
import { subnetsOf } from './plan.ts';
import { ID_FIELD } from './refuse.ts';

export const DEFAULT_OWNERSHIP_SECONDS = 86_400;
export const DEFAULT_ALIVE_SECONDS = 10;

const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;
/** Hosts that wait for a subnet try within this time after one may have become free, milliseconds. */
const FREE_SPREAD_MS = 300;

type What = keyof Leases;

/** Keeps what joining has written: whatever is wrong ends in one loop, which goes on until etcd holds it all again. */
export function createKeeper(store: Store, input: JoinInput, leases: Leases, joined: Acquired): Membership {
  return new Keeper(store, input, leases, joined);
}

class Keeper implements Membership {
  readonly #store: Store;
  readonly #stopped = new AbortController();
  readonly #listeners: ((event: MembershipEvent) => void)[] = [];
  readonly #random: () => number;
  #input: JoinInput;
  #leases: Leases;
  #written: Acquired;
  /** Subnets of the record that are another's. */
  #foreign: ByFamily<string> = {};
  /** A loss was told that is not mended yet. */
  #lost = false;
  /** etcd knows a lease no more that our own clock still counts with. */
  #dead = false;
  /** Something asks for a look at etcd; also while the loop is at work. */
  #asked = false;
  #work: Promise<void> | undefined;
  #free: Watch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wake = new AbortController();
  #accept = new AbortController();

  constructor(store: Store, input: JoinInput, leases: Leases, joined: Acquired) {
    this.#store = store;
    this.#input = input;
    this.#leases = leases;
    this.#written = joined;
    this.#random = input.random ?? Math.random;
    this.#attend('ownership');
    this.#attend('liveness');
    this.#follow(joined);
  }

  get record(): NodeRecord {
    return this.#written.record;
  }

  get subnets(): ByFamily<string> {
    return mapFamilies(subnetsOf(this.record), (subnet, family) =>
      this.#foreign[family] === subnet ? undefined : subnet,
    );
  }

  get revision(): number {
    return Math.max(0, ...this.#written.revisions.values());
  }

  get waiting(): string | undefined {
    return this.#written.waiting;
  }

  get refused(): string | undefined {
    return this.#written.network.refused?.reason;
  }

  get config(): NetworkConfig {
    return this.#written.network.config;
  }

  get ownership(): LeaseHandle {
    return this.#leases.ownership;
  }

  get liveness(): LeaseHandle {
    return this.#leases.liveness;
  }

  onEvent(listener: (event: MembershipEvent) => void): void {
    this.#listeners.push(listener);
  }

  present(node: Candidate): Promise<void> {
    this.#input = { ...this.#input, node };
    return this.verify();
  }

  verify(): Promise<void> {
    if (this.#stopped.signal.aborted) return Promise.resolve();
    this.#asked = true;
    this.#wake.abort();
    this.#work ??= this.#settle();
    return this.#work;
  }

  async check(): Promise<void> {
    if (this.#work !== undefined) return this.#work;
    if (!(await isUntouched(this.#store, this.#written))) await this.verify();
  }

  stop(): void {
    this.#stopped.abort();
    this.#wake.abort();
    this.#accept.abort();
    clearTimeout(this.#timer);
    this.#free?.close();
    this.#leases.ownership.release();
    this.#leases.liveness.release();
  }

  #attend(what: What): void {
    const handle = this.#leases[what];
    handle.onLost((reason) => {
      if (this.#leases[what] !== handle || this.#stopped.signal.aborted) return;
      this.#tellLost(what, reason);
      void this.verify();
    });
  }

  async #settle(): Promise<void> {
    let pauseMs = RETRY_MIN_MS;
    try {
      while (this.#asked && !this.#stopped.signal.aborted) {
        this.#asked = false;
        try {
          await this.#settleOnce();
        } catch (error) {
          this.#asked = true;
          this.#lost = true;
          const field = error instanceof CausewayError ? error.field : undefined;
          this.#dead = field === LEASE_FIELD;
          this.#emit({ kind: field === ID_FIELD ? 'duplicate-id' : 'retrying', reason: messageOf(error) });
          await this.#pause(pauseMs);
          pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS);
        }
      }
    } finally {
      // In one turn with the last look at `#asked`: whoever asks after that begins anew.
      this.#work = undefined;
    }
    if (this.#stopped.signal.aborted) this.stop();
  }

  /** Whoever asks for a look ends it, but not its beginning: etcd is not asked in a circle. */
  async #pause(ms: number): Promise<void> {
    this.#wake = new AbortController();
    await sleep(RETRY_MIN_MS, undefined, { signal: this.#stopped.signal }).catch(() => {});
    await sleep(ms - RETRY_MIN_MS, undefined, { signal: this.#wake.signal }).catch(() => {});
  }

  async #settleOnce(): Promise<void> {
    await this.#grantIfLost('ownership', this.#input.ownershipSeconds ?? DEFAULT_OWNERSHIP_SECONDS);
    await this.#grantIfLost('liveness', this.#input.aliveSeconds ?? DEFAULT_ALIVE_SECONDS);
    this.#dead = false;
    const { node, instance, lastSubnets = {} } = this.#input;
    const acquired = await acquire(this.#store, {
      ...{ node, instance, leases: this.#leases, written: this.#written, random: this.#random },
      wishes: { current: this.subnets, last: { ...lastSubnets, ...subnetsOf(this.record) }, flannel: {} },
      onFinding: (finding) => this.#heed(finding),
    });
    if (!this.#stopped.signal.aborted) this.#adopt(acquired);
  }

  async #grantIfLost(what: What, seconds: number): Promise<void> {
    const before = this.#leases[what];
    if (before.remainingMs() > 0 && !this.#dead) return;
    const granted = await this.#store.grantLease(seconds);
    // Not before: as long as there is no other, all may still be on this one.
    before.release();
    this.#leases = { ...this.#leases, [what]: granted };
    this.#attend(what);
  }

  /** Before anything is written: what is another's is used no more. */
  #heed({ foreign, lost }: Finding): void {
    if (lost !== undefined) this.#tellLost(lost.what, lost.reason);
    const added = entriesOf(foreign).some(([family, subnet]) => this.#foreign[family] !== subnet);
    // Until etcd holds a lease of this host again: that its taker has left makes a subnet nobody's own.
    this.#foreign = { ...this.#foreign, ...foreign };
    if (added && lost !== undefined) this.#emit({ kind: 'fenced', subnets: foreign, reason: lost.reason });
  }

  #adopt(acquired: Acquired): void {
    const before = { ...this.#written, subnets: this.subnets, lost: this.#lost };
    this.#written = acquired;
    this.#foreign = {};
    this.#lost = false;
    // Told once, not for each host that comes or goes meanwhile.
    const waits = acquired.exhausted.some((family) => !before.exhausted.includes(family));
    const to = subnetsOf(acquired.record);
    const gained = entriesOf(to).some(([family, subnet]) => before.subnets[family] !== subnet);
    if (gained || entriesOf(to).length < entriesOf(before.subnets).length)
      this.#emit({ kind: 'moved', from: before.subnets, to });
    else if (before.lost && !waits) this.#emit({ kind: 'restored' });
    if (!isDeepStrictEqual(before.network.config, acquired.network.config))
      this.#emit({ kind: 'network-changed' });
    if (waits) this.#emit({ kind: 'waiting', reason: acquired.waiting ?? '' });
    const refused = acquired.network.refused?.reason;
    if (refused !== undefined && refused !== before.network.refused?.reason)
      this.#emit({ kind: 'network-refused', reason: refused });
    this.#follow(acquired);
  }

  /** What goes on by itself after each look: waiting for a subnet, and noting the configuration that is followed. */
  #follow({ exhausted, network }: Acquired): void {
    if (exhausted.length > 0) this.#free ??= watchForFree(this.#store, this.#waits, this.#tryLater);
    else {
      this.#free?.close();
      this.#free = undefined;
      this.#tryLater(false);
    }
    this.#accept.abort();
    this.#accept = new AbortController();
    acceptSoon(this.#store, network, { random: this.#random, signal: this.#accept.signal });
  }

  readonly #waits = () => ({ node: this.#input.node, exhausted: this.#written.exhausted });

  /** Of many hosts that wait, the first takes it, and the others hear of that before it is their turn. */
  readonly #tryLater = (isFree: boolean) => {
    if (!isFree) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        void this.verify();
      }, this.#random() * FREE_SPREAD_MS);
  };

  #tellLost(what: What, reason: string): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#emit({ kind: 'lost', what, reason });
  }

  #emit(event: MembershipEvent): void {
    if (this.#stopped.signal.aborted) return;
    for (const listener of this.#listeners) listener(event);
  }
}
