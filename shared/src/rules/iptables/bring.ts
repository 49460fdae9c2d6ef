import { keyOf } from './drift.ts';
import type { Listing } from './listing.ts';
import type { Layout } from './part.ts';
import { changeSets, listedSets } from './sets.ts';
import { Restore } from './table.ts';

/** Fills every chain of ours anew, removes those without a purpose, and leaves each jump exactly once, in front. */
export function bring(listing: Listing, layout: Layout): string {
  const restore = new Restore();
  const present = keepJumps(listing, layout, restore);
  const stale = new Map([...listing.chains].map(([table, chains]) => [table, new Set(chains.keys())]));
  for (const chain of layout.chains) {
    stale.get(chain.table)?.delete(chain.name);
    restore.fill(chain);
  }
  for (const jump of layout.jumps)
    if (!present.has(keyOf(jump))) restore.rule(jump.table, `-I ${jump.chain} ${jump.rule}`);
  for (const [table, names] of stale) for (const name of names) restore.remove(table, name);
  const sets = changeSets(listedSets(listing.sets), layout.sets);
  return `${sets.before}${restore.text()}${sets.after}`;
}

/** Deletes the listed jumps that are foreign, doubled or not in front. @returns the keys of those that stay. */
function keepJumps(listing: Listing, layout: Layout, restore: Restore): ReadonlySet<string> {
  const wanted = new Set(layout.jumps.map(keyOf));
  const present = new Set<string>();
  const misplaced = new Set(listing.jumps.filter(({ late }) => late).map(keyOf));
  for (const jump of listing.jumps) {
    const key = keyOf(jump);
    // `-D` removes the first that matches: of a doubled jump that is in front, the others go and one stays.
    const stays = wanted.has(key) && !present.has(key) && !misplaced.has(key);
    if (stays) present.add(key);
    else restore.rule(jump.table, `-D ${jump.chain} ${jump.rule}`);
  }
  return present;
}
