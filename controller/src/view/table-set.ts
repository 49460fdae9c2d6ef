import { CausewayError } from '@causeway/shared/errors';
import type { KeyValue, PrefixState } from '@causeway/shared/store/store';
import { DECODERS } from './decode.ts';
import { locate } from './locate.ts';
import { type Change, emptyTables, type Kind, type MutableTables, type Rows, type Stored } from './tables.ts';

/** Rows that say something of this moment only: an old one is worth nothing. */
const FLEETING: readonly Kind[] = ['alive', 'agent', 'imageHolder'];

/**
 * Decoded tables, kept up with the deliveries of the store's watches. Of a key that exists but cannot be read, the
 * last readable value stays; its revision is that value's.
 */
export class TableSet {
  readonly rows: MutableTables = emptyTables();
  readonly unreadable = new Map<string, string>();
  /**
   * Every key as it was taken in, readable or not. Its revision alone says too little: it comes again, with another
   * value, where etcd's data were put back from a backup.
   */
  readonly #seen = new Map<string, KeyValue>();

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
    if (item !== undefined && this.#seen.get(key) === item) return undefined;
    const location = locate(key);
    if (item === undefined) this.#seen.delete(key);
    else this.#seen.set(key, item);
    const wasUnreadable = this.unreadable.delete(key);
    if (location === undefined) return undefined;
    const change = this.#replace(location.kind, location.id, item);
    // That a key cannot be read is known of it, too: whoever goes by that has to hear when it comes and when it goes.
    const isKnown = wasUnreadable || this.unreadable.has(key);
    return isKnown || change.before !== undefined || change.after !== undefined ? change : undefined;
  }

  #replace<K extends Kind>(kind: K, id: string, item: KeyValue | undefined): Change {
    // The decoders give what `kind` says; the compiler cannot follow the kind through their table.
    const table = this.rows[kind] as Map<string, Stored<Rows[Kind]>>;
    const before = table.get(id);
    const after = item && (this.#decode(kind, item) ?? (FLEETING.includes(kind) ? undefined : before));
    if (after === undefined) table.delete(id);
    else table.set(id, after);
    return { kind, id, ...(before && { before }), ...(after && { after }) } as Change;
  }

  #decode(kind: Kind, item: KeyValue): Stored<Rows[Kind]> | undefined {
    const value = DECODERS[kind](item);
    if (!(value instanceof CausewayError)) {
      const on = item.leaseId === '0' ? {} : { leaseId: item.leaseId };
      return { value, revision: item.modRevision, ...on };
    }
    this.unreadable.set(item.key, value.message);
    return undefined;
  }
}
