import type { Batch, Source } from './batch.ts';

/** How many deliveries of each source are remembered for watchers that come back. */
const KEPT = 2_000;

/** The last changes of each source, so that a watcher that lost its connection can go on where it was. */
export class Journal {
  readonly #kept: Record<Source, Batch[]> = { causeway: [], network: [] };
  /** Everything after this revision is in `#kept`. */
  readonly #from: Record<Source, number> = { causeway: Infinity, network: Infinity };

  start(source: Source, revision: number): void {
    this.#from[source] = revision;
  }

  add(batch: Batch): void {
    const kept = this.#kept[batch.source];
    kept.push(batch);
    if (kept.length <= KEPT) return;
    const dropped = kept.splice(0, kept.length - KEPT).at(-1);
    if (dropped !== undefined) this.#from[batch.source] = dropped.revision;
  }

  /** @returns undefined when changes after `revision` were forgotten. */
  since(source: Source, revision: number): readonly Batch[] | undefined {
    if (revision < this.#from[source]) return undefined;
    return this.#kept[source].filter((batch) => batch.revision > revision);
  }
}
