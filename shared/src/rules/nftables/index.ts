import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import type { Ruleset } from '../ruleset.ts';
import { changeRules } from './change.ts';
import { driftOf } from './drift.ts';
import { split } from './split.ts';
import { elementsOf, renderElements, renderTable, tableOf, wholeOf } from './table.ts';

/** nftables: one table of our own per family, flat maps (one element per service and per endpoint), one transaction per change. */
export const ruleset: Ruleset = {
  full,
  change: (from, to) => changeRules(from, to) ?? full(to),
  clean: (listing, family) => (listing.trim() === '' ? '' : remove(family)),
  drift: driftOf,
  // A table of its own stands beside any other: nothing of it is of use where it does not serve.
  beside: ({ family }, listing) => ({
    holds: false,
    input: listing.trim() === '' ? '' : remove(family),
    reasons: [],
  }),
  parts: split,
  speaking,
};

/** `add` before `delete` makes the deletion harmless when there is no table; all of it is one transaction. */
function remove(family: Family): string {
  const table = tableOf(family);
  return `add table ${table}\ndelete table ${table}\n`;
}

function full(intent: FirewallIntent): string {
  const { family } = intent;
  const { maps, chains, elements } = wholeOf(intent);
  return [
    `${remove(family)}${renderTable(family, maps, chains)}`,
    ...[...elements].map(([map, held]) => renderElements('add', family, map, held)),
    '',
  ].join('\n');
}

/** By the element's key, which is the start of its line. */
function speaking({ services, family }: FirewallIntent, lines: readonly string[]): readonly ServiceIntent[] {
  const keys = new Set(lines.map((line) => line.split(' : ')[0]?.replace(/,$/, '').trim()));
  return services.filter((service) =>
    [...elementsOf([service], family).values()].some((held) => [...held.keys()].some((key) => keys.has(key))),
  );
}
