import { invalid } from '@causeway/shared/errors';
import type { Source } from '../view/batch.ts';
import type { Change, Kind, Rows, Stored, Tables } from '../view/tables.ts';
import type { View } from '../view/view.ts';

/** How one noun of the API is put together from the view's tables. */
export interface Collection<K extends Kind, T> {
  readonly source: Source;
  /** The table whose rows are the objects. */
  readonly kind: K;
  /** Tables whose rows, under the same ids, add to the objects. */
  readonly also: readonly Kind[];
  /** The ids of the objects that a row of such a table adds to, where they are not called as the row is. */
  idsOf?(change: Change): readonly string[];
  present(row: Stored<Rows[K]>, id: string, tables: Tables): T;
}

export interface PageQuery {
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly revision: number;
  readonly continue?: string;
}

/** All objects in the order of their ids, or one page of them. @throws CausewayError `invalid` */
export function list<K extends Kind, T>(collection: Collection<K, T>, view: View, query: PageQuery): Page<T> {
  const table = tableOf(collection, view.tables);
  const { part, next } = page([...table.keys()].sort(), (id) => id, query);
  const items = part.flatMap((id) => {
    const row = table.get(id);
    return row === undefined ? [] : [collection.present(row, id, view.tables)];
  });
  return { items, revision: view.revision(collection.source), ...next };
}

/** @returns undefined when there is none of that id */
export function find<K extends Kind, T>(
  collection: Collection<K, T>,
  tables: Tables,
  id: string,
): T | undefined {
  const row = tableOf(collection, tables).get(id);
  return row && collection.present(row, id, tables);
}

export function tableOf<K extends Kind, T>(
  collection: Collection<K, T>,
  tables: Tables,
): ReadonlyMap<string, Stored<Rows[K]>> {
  return tables[collection.kind];
}

/**
 * Cuts a page out of sorted rows. A continuation holds the last id that was sent, so a page is right whatever
 * came or went in between.
 *
 * @throws CausewayError `invalid` for a continuation that no answer ever held
 */
export function page<T>(
  sorted: readonly T[],
  idOf: (row: T) => string,
  query: PageQuery,
): { readonly part: readonly T[]; readonly next: { readonly continue?: string } } {
  const after = query.continue === undefined ? undefined : decode(query.continue);
  const rest = after === undefined ? sorted : sorted.filter((row) => idOf(row) > after);
  const part = query.limit === undefined ? rest : rest.slice(0, query.limit);
  const last = part.at(-1);
  const more = part.length < rest.length && last !== undefined;
  return { part, next: more ? { continue: Buffer.from(idOf(last)).toString('base64url') } : {} };
}

function decode(text: string): string {
  const id = Buffer.from(text, 'base64url').toString();
  if (id === '' || Buffer.from(id).toString('base64url') !== text) {
    throw invalid('continue', text, 'was not given out by an earlier answer');
  }
  return id;
}
