import type { FirewallIntent } from '../../desired/intent.ts';
import type { Ruleset } from '../ruleset.ts';
import { changeServices } from './change.ts';
import { driftOf } from './drift.ts';
import { chainsOf, elementsOf, MAPS, renderChain, renderElements, renderMap, TABLE } from './table.ts';

/** nftables: one table of our own, flat maps (one element per service and per endpoint), one transaction per change. */
export const ruleset: Ruleset = {
  full,
  change: (from, to) => changeServices(from, to) ?? full(to),
  clean: () => `add table ${TABLE}\ndelete table ${TABLE}\n`,
  drift: driftOf,
};

/** `add` before `delete` makes the deletion harmless when there is no table; all of it is one transaction. */
function full(intent: FirewallIntent): string {
  const elements = elementsOf(intent.services);
  const filled = MAPS.map(({ name }) => ({ name, held: elements.get(name) }));
  return [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    ...MAPS.map(renderMap),
    ...chainsOf(intent).map(renderChain),
    '}',
    ...filled.flatMap(({ name, held }) =>
      held === undefined || held.size === 0 ? [] : [renderElements('add', name, held)],
    ),
    '',
  ].join('\n');
}
