import type { Store, TimeToLive } from '@causeway/shared/store/store';
import type { Stored } from '../view/tables.ts';
import type { View } from '../view/view.ts';

/** What etcd's leases say of a host. */
export interface LastWord {
  /** Age of its last word, at most, seconds; absent: it is not alive, or etcd did not say in time. */
  readonly ageSeconds?: number;
  /** Since when its sign of life is gone, seconds; absent: it is there, or it went before anybody looked. */
  readonly goneSeconds?: number;
  /** Until its subnets are free for others if nothing more is heard of it, seconds. */
  readonly leaseLeftSeconds?: number;
}

/** How long an answer of etcd about a lease is good for, milliseconds: liveness is renewed every few seconds. */
const LIVENESS_MS = 1_000;
/** Ownership lasts for hours: an older answer tells too little of what is left, if anything. */
const OWNERSHIP_MS = 30_000;
const PATIENCE_MS = 4_000;
/** How many leases are asked about at once: a thousand hosts are two thousand of them. */
const AT_ONCE = 64;

interface Known {
  readonly left: TimeToLive;
  /** When it was asked for, by our own clock, milliseconds. */
  readonly at: number;
}

/** Asks etcd how long ago hosts were heard of; watches say only that they were heard of within the lease's time. */
export class LastWords {
  readonly #store: Store;
  readonly #view: View;
  readonly #patienceMs: number;
  readonly #now: () => number;
  readonly #goneAt = new Map<string, number>();
  #known: ReadonlyMap<string, Known> = new Map();
  #asking: Promise<void> | undefined;

  /**
   * @param patienceMs how long etcd may take for all leases; what is not answered by then is left out
   * @param now milliseconds of a clock that never goes back
   */
  constructor(store: Store, view: View, patienceMs = PATIENCE_MS, now = () => performance.now()) {
    this.#store = store;
    this.#view = view;
    this.#patienceMs = patienceMs;
    this.#now = now;
    view.subscribe(({ changes }) => {
      for (const { kind, id, after } of changes) {
        if (kind !== 'alive') continue;
        if (after === undefined) this.#goneAt.set(id, now());
        else this.#goneAt.delete(id);
      }
    });
  }

  /** Looks at all hosts; whoever asks while another does gets the same answers. */
  async look(): Promise<ReadonlyMap<string, LastWord>> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
    return new Map([...this.#view.tables.node.keys()].map((name) => [name, this.#wordOf(name)]));
  }

  async #ask(): Promise<void> {
    const { alive, node } = this.#view.tables;
    const on = (rows: Iterable<Stored<unknown>>) => [...rows].flatMap(({ leaseId }) => leaseId ?? []);
    const ages = new Map([
      ...on(alive.values()).map((id) => [id, LIVENESS_MS] as const),
      ...on(node.values()).map((id) => [id, OWNERSHIP_MS] as const),
    ]);
    const now = this.#now();
    const found = new Map<string, Known>();
    const missing: string[] = [];
    for (const [id, maxAge] of ages) {
      const known = this.#known.get(id);
      if (known !== undefined && now - known.at <= maxAge) found.set(id, known);
      else missing.push(id);
    }
    this.#known = new Map([...found, ...(await askAll(this.#store, missing, this.#patienceMs, this.#now))]);
  }

  #wordOf(name: string): LastWord {
    const { alive, node } = this.#view.tables;
    const liveness = this.#known.get(alive.get(name)?.leaseId ?? '');
    const ownership = this.#known.get(node.get(name)?.leaseId ?? '');
    const goneAt = this.#goneAt.get(name);
    const since = (at: number) => (this.#now() - at) / 1_000;
    return {
      ...(liveness && { ageSeconds: liveness.left.granted - liveness.left.ttl + since(liveness.at) }),
      ...(goneAt === undefined ? {} : { goneSeconds: since(goneAt) }),
      ...(ownership && { leaseLeftSeconds: Math.max(0, ownership.left.ttl - since(ownership.at)) }),
    };
  }
}

async function askAll(
  store: Store,
  leases: readonly string[],
  patienceMs: number,
  now: () => number,
): Promise<ReadonlyMap<string, Known>> {
  const found = new Map<string, Known>();
  const rest = leases.values();
  let isOver = false;
  const worker = async () => {
    for (const id of rest) {
      if (isOver) return;
      const at = now();
      const left = await store.timeToLive(id).catch(() => undefined);
      if (left !== undefined) found.set(id, { left, at });
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs);
  });
  await Promise.race([Promise.all(Array.from({ length: AT_ONCE }, worker)), late]);
  clearTimeout(timer);
  isOver = true;
  return new Map(found);
}
