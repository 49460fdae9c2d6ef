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
    ...wanted.flatMap((chain) => driftOfChain(chain, listing)),
    ...strangers(wanted, listing),
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

function driftOfChain(chain: Chain, listing: Listing): string[] {
  const held = listing.chains.get(chain.table)?.get(chain.name);
  const what = `chain ${chain.name} of ${chain.table}`;
  if (held === undefined) return [`${what} is missing`];
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

function summary(start: string, rules: readonly string[]): string[] {
  const [first] = rules;
  if (first === undefined) return [];
  return [`${start} ${first}${rules.length > 1 ? ` and ${rules.length - 1} more` : ''}`];
}

function strangers(wanted: readonly Chain[], listing: Listing): string[] {
  const known = new Set(wanted.map(({ table, name }) => `${table} ${name}`));
  return [...listing.chains].flatMap(([table, inTable]) =>
    [...inTable.keys()]
      .filter((name) => !known.has(`${table} ${name}`))
      .map((name) => `chain ${name} of ${table} has no purpose`),
  );
}
