import { CausewayError } from '@causeway/shared/errors';
import type { PrefixState, Store, Watch } from '@causeway/shared/store/store';
import { type Batch, SOURCES, type Source } from './batch.ts';
import { Journal } from './journal.ts';
import { LookUps } from './look-ups.ts';
import { TableSet } from './table-set.ts';
import type { Tables } from './tables.ts';

export interface Connection {
  readonly whole: boolean;
  readonly reason: string;
  /** When etcd was last heard of, milliseconds since the epoch; 0: never. */
  readonly lastWordAt: number;
}

/** What the controller knows of the cluster, kept in memory by one list-and-watch per prefix. */
export class View {
  readonly #tables = new TableSet();
  /** Of the tables, as they are. */
  readonly lookUps = new LookUps();
  readonly #journal = new Journal();
  readonly #revision: Record<Source, number> = { causeway: 0, network: 0 };
  readonly #connected: Record<Source, boolean> = { causeway: false, network: false };
  readonly #loaded: Record<Source, boolean> = { causeway: false, network: false };
  readonly #newest: Record<Source, number> = { causeway: 0, network: 0 };
  readonly #watches: readonly Watch[];
  readonly #listeners = new Set<(batch: Batch) => void>();
  readonly #waiters = new Set<() => void>();
  #reason = 'etcd has not answered yet';
  #lastWordAt = 0;

  constructor(store: Store) {
    this.#watches = (Object.keys(SOURCES) as Source[]).map((source) =>
      store.watchPrefix(SOURCES[source], {
        onState: (state) => this.#receive(source, state),
        onConnection: (connected, reason) => this.#connection(source, connected, reason),
      }),
    );
  }

  get tables(): Tables {
    return this.#tables.rows;
  }

  /** Keys whose values do not parse, each with a sentence. They remove nothing: the last readable value stays. */
  get unreadable(): ReadonlyMap<string, string> {
    return this.#tables.unreadable;
  }

  /** The newest revision whose changes under this source's prefix are all in `tables`. */
  revision(source: Source): number {
    return this.#revision[source];
  }

  /**
   * The newest revision that is known to have changed something under this source's prefix. Whoever follows the prefix
   * reports it or a later one; `revision` may be of a write elsewhere.
   */
  newestChange(source: Source): number {
    return this.#newest[source];
  }

  get connection(): Connection {
    return { whole: this.#isWhole(), reason: this.#reason, lastWordAt: this.#lastWordAt };
  }

  /** Tells that etcd answered something outside of the watches. */
  heard(): void {
    this.#lastWordAt = Date.now();
  }

  /** Called after every change; the tables hold it already. @returns the end of the subscription. */
  subscribe(listener: (batch: Batch) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Everything of a source after a revision, oldest first; undefined when that was forgotten, or when the
   * revision lies in the future (of another etcd).
   */
  since(source: Source, revision: number): readonly Batch[] | undefined {
    if (revision > this.#revision[source]) return undefined;
    return this.#journal.since(source, revision);
  }

  /** Resolves once both prefixes are loaded and followed. @throws CausewayError `unreachable` after `timeoutMs`. */
  async whole(timeoutMs: number): Promise<void> {
    if (await this.until(() => this.#isWhole(), timeoutMs)) return;
    const since =
      this.#lastWordAt === 0 ? 'never' : `${Math.round((Date.now() - this.#lastWordAt) / 1000)} s ago`;
    throw new CausewayError(
      'unreachable',
      `reading the cluster's state: ${this.#reason} (last word from etcd: ${since})`,
    );
  }

  /** Resolves once the tables hold a write of ours. @returns false when they still do not after `timeoutMs`. */
  async reached(source: Source, revision: number, timeoutMs: number): Promise<boolean> {
    return this.until(() => this.#revision[source] >= revision, timeoutMs);
  }

  /** Resolves once this holds, asked after each delivery. @returns false when it still does not after `timeoutMs` */
  until(holds: () => boolean, timeoutMs: number): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (held: boolean) => {
        clearTimeout(timer);
        this.#waiters.delete(check);
        resolve(held);
      };
      const check = () => {
        if (holds()) end(true);
      };
      const timer = setTimeout(() => end(false), timeoutMs);
      this.#waiters.add(check);
    });
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
    this.#listeners.clear();
  }

  #isWhole(): boolean {
    return (
      this.#connected.causeway && this.#connected.network && this.#loaded.causeway && this.#loaded.network
    );
  }

  #receive(source: Source, state: PrefixState): void {
    const changes = this.#tables.apply(SOURCES[source], state);
    this.lookUps.note(changes);
    const first = !this.#loaded[source];
    this.#revision[source] = state.revision;
    this.#loaded[source] = true;
    this.#newest[source] = Math.max(this.#newest[source], newestOf(state));
    this.heard();
    const batch: Batch = { source, revision: state.revision, changes };
    if (first) this.#journal.start(source, state.revision);
    else if (changes.length > 0) this.#journal.add(batch);
    for (const listener of [...this.#listeners]) listener(batch);
    this.#wake();
  }

  #connection(source: Source, connected: boolean, reason: string): void {
    this.#connected[source] = connected;
    if (connected) this.heard();
    else this.#reason = reason;
    this.#wake();
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}

/** Of a list it is the newest write: when something was deleted, a list does not say. */
function newestOf({ items, changed, revision }: PrefixState): number {
  if (changed !== undefined) return revision;
  let newest = 0;
  for (const { modRevision } of items.values()) newest = Math.max(newest, modRevision);
  return newest;
}
