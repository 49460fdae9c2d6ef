import { CausewayError } from '@causeway/shared/errors';
import type { KeyValue, PrefixState } from '@causeway/shared/store/store';
import { DECODERS } from './decode.ts';
import { locate } from './locate.ts';
import { type Change, emptyTables, type Kind, type MutableTables, type Rows, type Stored } from './tables.ts';

/** Decoded tables, kept up with the deliveries of the store's watches. */
export class TableSet {
  readonly rows: MutableTables = emptyTables();
  readonly unreadable = new Map<string, string>();
  /** Every key that was taken in, and its revision, readable or not. */
  readonly #seen = new Map<string, number>();

  /** Takes in one delivery. @returns what it changed in the tables. */
  apply(prefix: string, state: PrefixState): readonly Change[] {
    const touched = state.changed ?? [...this.#gone(prefix, state), ...state.items.keys()];
    const changes: Change[] = [];
    for (const key of touched) {
      const change = this.#take(key, state.items.get(key));
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }

  *#gone(prefix: string, state: PrefixState): Iterable<string> {
    for (const key of this.#seen.keys()) {
      if (key.startsWith(prefix) && !state.items.has(key)) yield key;
    }
  }

  #take(key: string, item: KeyValue | undefined): Change | undefined {
    if (item !== undefined && this.#seen.get(key) === item.modRevision) return undefined;
    const location = locate(key);
    if (item === undefined) this.#seen.delete(key);
    else this.#seen.set(key, item.modRevision);
    this.unreadable.delete(key);
    if (location === undefined) return undefined;
    return this.#replace(location.kind, location.id, item && this.#decode(location.kind, item));
  }

  #replace<K extends Kind>(kind: K, id: string, after: Stored<Rows[Kind]> | undefined): Change | undefined {
    // The decoders give what `kind` says; the compiler cannot follow the kind through their table.
    const table = this.rows[kind] as Map<string, Stored<Rows[Kind]>>;
    const before = table.get(id);
    if (after === undefined) table.delete(id);
    else table.set(id, after);
    if (before === undefined && after === undefined) return undefined;
    return { kind, id, ...(before && { before }), ...(after && { after }) } as Change;
  }

  #decode(kind: Kind, item: KeyValue): Stored<Rows[Kind]> | undefined {
    const value = DECODERS[kind](item);
    if (!(value instanceof CausewayError)) return { value, revision: item.modRevision };
    this.unreadable.set(item.key, value.message);
    return undefined;
  }
}
