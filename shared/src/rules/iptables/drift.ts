import type { FirewallIntent } from '../../desired/intent.ts';
import { type Listing, normal, parseListing } from './listing.ts';
import type { Chain } from './part.ts';
import { chainsOf, JUMPS } from './table.ts';

/** Compares `iptables-save` (tables nat and filter, one variant) with the intent. */
export function driftOf(intent: FirewallIntent, text: string): readonly string[] {
  const listing = parseListing(text);
  const wanted = chainsOf(intent);
  return [
    ...driftOfJumps(listing),
    ...driftOfNames(wanted, listing),
    ...wanted.flatMap((chain) => driftOfRules(chain, listing)),
  ];
}

function driftOfJumps(listing: Listing): string[] {
  const held = new Map<string, number>();
  const wanted = new Set(JUMPS.map(({ table, chain, rule }) => `${table} ${chain} ${normal(rule)}`));
  const found: string[] = [];
  for (const { table, chain, rule } of listing.jumps) {
    const key = `${table} ${chain} ${normal(rule)}`;
    held.set(key, (held.get(key) ?? 0) + 1);
    if (!wanted.has(key)) found.push(`chain ${chain} of ${table} holds a foreign jump to ours: ${rule}`);
  }
  for (const { table, chain, rule } of JUMPS) {
    const times = held.get(`${table} ${chain} ${normal(rule)}`) ?? 0;
    if (times === 0) found.push(`chain ${chain} of ${table} lacks the rule ${rule}`);
    if (times > 1) found.push(`chain ${chain} of ${table} holds the rule ${times} times: ${rule}`);
  }
  return found;
}

/** One sentence per table and kind, however many chains differ. */
function driftOfNames(wanted: readonly Chain[], listing: Listing): string[] {
  return [...listing.chains].flatMap(([table, held]) => {
    const names = new Set(wanted.filter((chain) => chain.table === table).map((chain) => chain.name));
    const missing = [...names].filter((name) => !held.has(name));
    const extra = [...held.keys()].filter((name) => !names.has(name));
    return [
      ...summary(`table ${table} lacks the chain`, missing),
      ...summary(`table ${table} holds a chain without a purpose:`, extra),
    ];
  });
}

function driftOfRules(chain: Chain, listing: Listing): string[] {
  const held = listing.chains.get(chain.table)?.get(chain.name);
  if (held === undefined) return [];
  const what = `chain ${chain.name} of ${chain.table}`;
  const wantedRules = chain.rules.map(normal);
  const heldRules = held.map(normal);
  if (wantedRules.join('\n') === heldRules.join('\n')) return [];
  const inHeld = new Set(heldRules);
  const inWanted = new Set(wantedRules);
  const missing = chain.rules.filter((_, i) => !inHeld.has(wantedRules[i] ?? ''));
  const extra = held.filter((_, i) => !inWanted.has(heldRules[i] ?? ''));
  if (missing.length + extra.length === 0) return [`${what} holds its rules twice or in another order`];
  return [...summary(`${what} lacks the rule`, missing), ...summary(`${what} holds a foreign rule`, extra)];
}

function summary(start: string, all: readonly string[]): string[] {
  const [first] = all;
  if (first === undefined) return [];
  return [`${start} ${first}${all.length > 1 ? ` and ${all.length - 1} more` : ''}`];
}
