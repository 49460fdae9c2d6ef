import { type Listing, normal } from './listing.ts';
import type { Chain, Jump, Layout, Table } from './part.ts';
import { driftOfSets } from './sets.ts';

/** Compares what one variant lists with what it should hold. Each difference is a sentence. */
export function driftOf(layout: Layout, listing: Listing): readonly string[] {
  const names = new Map<Table, Set<string>>();
  const rules: string[] = [];
  for (const chain of layout.chains) {
    note(names, chain);
    rules.push(...driftOfRules(chain, listing));
  }
  return [
    ...driftOfJumps(layout.jumps, listing),
    ...driftOfNames(names, listing),
    ...driftOfSets(layout.sets, listing.sets),
    ...rules,
  ];
}

/**
 * The chains alone that are missing, by table. Where one of those that all services share is, all rules are written, and it
 * is of no use to compare those of ten thousand services first.
 */
export function missingChains(layout: Layout, listing: Listing): readonly string[] {
  const names = new Map<Table, Set<string>>();
  for (const chain of layout.chains) note(names, chain);
  return [...names].flatMap(([table, wanted]) => driftOfMissing(table, wanted, listing));
}

function note(names: Map<Table, Set<string>>, { table, name }: Chain): void {
  const known = names.get(table) ?? new Set();
  names.set(table, known.add(name));
}

/** A rule in one form, with its place, so that equal ones have equal keys. */
export function keyOf({ table, chain, rule }: { table: string; chain: string; rule: string }): string {
  return `${table} ${chain} ${normal(rule)}`;
}

export function driftOfJumps(jumps: readonly Jump[], listing: Listing): string[] {
  const wanted = new Set(jumps.map(keyOf));
  const foreign = listing.jumps
    .filter((jump) => !wanted.has(keyOf(jump)))
    .map(({ table, chain, rule }) => `chain ${chain} of ${table} holds a foreign jump to ours: ${rule}`);
  return [...foreign, ...jumps.flatMap((jump) => driftOfJump(jump, listing))];
}

function driftOfJump(jump: Jump, listing: Listing): string[] {
  const { table, chain, rule } = jump;
  const held = listing.jumps.filter((one) => keyOf(one) === keyOf(jump));
  if (held.length === 0) return [`chain ${chain} of ${table} lacks the rule ${rule}`];
  if (held.length > 1) return [`chain ${chain} of ${table} holds the rule ${held.length} times: ${rule}`];
  if (held[0]?.late === true)
    return [`chain ${chain} of ${table} holds rules of others before ours: ${rule}`];
  return [];
}

/** One sentence per table and kind, however many chains differ. */
function driftOfNames(wanted: ReadonlyMap<Table, ReadonlySet<string>>, listing: Listing): string[] {
  return [...listing.chains].flatMap(([table, held]) => {
    const names = wanted.get(table) ?? new Set<string>();
    const extra = [...held.keys()].filter((name) => !names.has(name));
    return [
      ...driftOfMissing(table, names, listing),
      ...summary(`table ${table} holds a chain without a purpose:`, extra),
    ];
  });
}

function driftOfMissing(table: Table, wanted: ReadonlySet<string>, { chains }: Listing): string[] {
  const held = chains.get(table);
  const missing = [...wanted].filter((name) => held?.has(name) !== true);
  return summary(`table ${table} lacks the chain`, missing);
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
