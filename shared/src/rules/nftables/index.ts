import type { FirewallIntent } from '../../desired/intent.ts';
import type { Ruleset } from '../ruleset.ts';
import { changeServices } from './change.ts';
import { driftOf } from './drift.ts';
import { split } from './split.ts';
import { chainsOf, elementsOf, mapsOf, renderElements, renderTable, TABLE } from './table.ts';

/** nftables: one table of our own, flat maps (one element per service and per endpoint), one transaction per change. */
export const ruleset: Ruleset = {
  full,
  change: (from, to) => changeServices(from, to) ?? full(to),
  clean: () => `add table ${TABLE}\ndelete table ${TABLE}\n`,
  drift: driftOf,
  parts: split,
};

/** `add` before `delete` makes the deletion harmless when there is no table; all of it is one transaction. */
function full(intent: FirewallIntent): string {
  return [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    renderTable(mapsOf(intent), chainsOf(intent)),
    ...[...elementsOf(intent.services)].map(([map, elements]) => renderElements('add', map, elements)),
    '',
  ].join('\n');
}
