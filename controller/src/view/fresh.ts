import type { Store } from '@causeway/shared/store/store';
import { TableSet } from './table-set.ts';

/**
 * Reads prefixes from etcd itself, for a write whose guards must be true of this moment and not of what the watches
 * have brought so far.
 *
 * @returns tables that hold only what is under these prefixes
 */
export async function readFresh(store: Store, prefixes: readonly string[]): Promise<TableSet> {
  const fresh = new TableSet();
  const listings = await Promise.all(prefixes.map((prefix) => store.list(prefix)));
  prefixes.forEach((prefix, index) => {
    const { items, revision } = listings[index] ?? { items: [], revision: 0 };
    fresh.apply(prefix, { items: new Map(items.map((item) => [item.key, item])), revision });
  });
  return fresh;
}
