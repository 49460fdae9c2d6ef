import type { Store, TimeToLive } from '@causeway/shared/store/store';
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

/** How long an answer of etcd about a lease is good for, milliseconds. */
const FRESH_MS = 1_000;
/** How many leases are asked about at once: a thousand hosts are two thousand of them. */
const AT_ONCE = 64;

/** Asks etcd how long ago hosts were heard of; watches say only that they were heard of within the lease's time. */
export class LastWords {
  readonly #store: Store;
  readonly #view: View;
  readonly #now: () => number;
  readonly #goneAt = new Map<string, number>();
  #last: Promise<Asked> | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds of a clock that never goes back */
  constructor(store: Store, view: View, now: () => number = () => performance.now()) {
    this.#store = store;
    this.#view = view;
    this.#now = now;
    view.subscribe(({ changes }) => {
      for (const { kind, id, after } of changes) {
        if (kind !== 'alive') continue;
        if (after === undefined) this.#goneAt.set(id, now());
        else this.#goneAt.delete(id);
      }
    });
  }

  /**
   * Looks at all hosts; whoever asks within a second of another gets the same answers.
   *
   * @param patienceMs how long etcd may take; what is not answered by then is left out
   */
  async look(patienceMs: number): Promise<ReadonlyMap<string, LastWord>> {
    if (this.#last === undefined || this.#now() - this.#lastAt > FRESH_MS) {
      this.#lastAt = this.#now();
      this.#last = ask(this.#store, this.#leases(), this.#now() + patienceMs, this.#now);
    }
    const { found, at } = await this.#last;
    const passed = (this.#now() - at) / 1_000;
    return new Map(
      [...this.#view.tables.node.keys()].map((name) => [name, this.#wordOf(name, found, passed)]),
    );
  }

  #wordOf(name: string, found: ReadonlyMap<string, TimeToLive>, passed: number): LastWord {
    const { alive, node } = this.#view.tables;
    const liveness = found.get(alive.get(name)?.leaseId ?? '');
    const ownership = found.get(node.get(name)?.leaseId ?? '');
    const goneAt = this.#goneAt.get(name);
    return {
      ...(liveness === undefined ? {} : { ageSeconds: liveness.granted - liveness.ttl + passed }),
      ...(goneAt === undefined ? {} : { goneSeconds: (this.#now() - goneAt) / 1_000 }),
      ...(ownership === undefined ? {} : { leaseLeftSeconds: Math.max(0, ownership.ttl - passed) }),
    };
  }

  #leases(): readonly string[] {
    const { alive, node } = this.#view.tables;
    const ids = [...alive.values(), ...node.values()].flatMap(({ leaseId }) => leaseId ?? []);
    return [...new Set(ids)];
  }
}

interface Asked {
  readonly found: ReadonlyMap<string, TimeToLive>;
  readonly at: number;
}

async function ask(
  store: Store,
  leases: readonly string[],
  deadline: number,
  now: () => number,
): Promise<Asked> {
  const found = new Map<string, TimeToLive>();
  const rest = [...leases];
  const at = now();
  let isOver = false;
  const worker = async () => {
    for (let id = rest.pop(); id !== undefined && !isOver; id = rest.pop()) {
      const left = await store.timeToLive(id).catch(() => undefined);
      if (left !== undefined) found.set(id, left);
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadline - now()));
  });
  await Promise.race([Promise.all(Array.from({ length: AT_ONCE }, worker)), late]);
  clearTimeout(timer);
  isOver = true;
  return { found: new Map(found), at };
}
