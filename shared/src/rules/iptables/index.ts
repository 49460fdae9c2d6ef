import type { FirewallIntent } from '../../desired/intent.ts';
import type { Ruleset } from '../ruleset.ts';
import { changeServices } from './change.ts';
import { driftOf } from './drift.ts';
import { type Listing, normal, parseListing } from './listing.ts';
import { split } from './split.ts';
import { chainsOf, JUMPS, Restore } from './table.ts';

/**
 * iptables, in the shape of the text that people know: a chain per service and per endpoint, statistic mode.
 * Every output is one `iptables-restore --noflush`, for the nft and the legacy variant alike.
 */
export const ruleset: Ruleset = {
  full: (intent, listing = '') => bring(parseListing(listing), intent),
  change: (from, to) => changeServices(from, to) ?? bring(held(from), to),
  clean,
  drift: driftOf,
  parts: split,
};

/** Fills every chain of ours anew, removes those without a purpose, and leaves each jump in place exactly once. */
function bring(listing: Listing, intent: FirewallIntent): string {
  const restore = new Restore();
  const present = keepJumps(listing, restore);
  const wanted = new Set<string>();
  for (const chain of chainsOf(intent)) {
    wanted.add(`${chain.table} ${chain.name}`);
    restore.fill(chain);
  }
  for (const jump of JUMPS)
    if (!present.has(keyOf(jump))) restore.rule(jump.table, `-I ${jump.chain} ${jump.rule}`);
  for (const [table, chains] of listing.chains)
    for (const name of chains.keys()) if (!wanted.has(`${table} ${name}`)) restore.remove(table, name);
  return restore.text();
}

/** Deletes the listed jumps that are foreign or doubled. @returns the keys of those that stay. */
function keepJumps(listing: Listing, restore: Restore): ReadonlySet<string> {
  const wanted = new Set(JUMPS.map(keyOf));
  const present = new Set<string>();
  for (const jump of listing.jumps) {
    const key = keyOf(jump);
    // `-D` removes the first that matches: of a doubled jump, the others go and one stays.
    if (!wanted.has(key) || present.has(key)) restore.rule(jump.table, `-D ${jump.chain} ${jump.rule}`);
    present.add(key);
  }
  return present;
}

function keyOf({ table, chain, rule }: { table: string; chain: string; rule: string }): string {
  return `${table} ${chain} ${normal(rule)}`;
}

/** What the kernel lists when it holds exactly `intent`. */
function held(intent: FirewallIntent): Listing {
  const chains = new Map([
    ['nat' as const, new Map<string, readonly string[]>()],
    ['filter' as const, new Map<string, readonly string[]>()],
  ]);
  for (const { table, name, rules } of chainsOf(intent)) chains.get(table)?.set(name, rules);
  return { chains, jumps: JUMPS };
}

/** Empty when the listing holds nothing of ours. */
function clean(text: string): string {
  const listing = parseListing(text);
  const restore = new Restore();
  for (const { table, chain, rule } of listing.jumps) restore.rule(table, `-D ${chain} ${rule}`);
  for (const [table, chains] of listing.chains) for (const name of chains.keys()) restore.remove(table, name);
  return restore.text();
}
