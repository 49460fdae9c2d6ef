import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Beside, Ruleset } from '../ruleset.ts';
import { bring } from './bring.ts';
import { changeRules } from './change.ts';
import { driftOf, driftOfJumps, missingChains } from './drift.ts';
import { besideLayout, servingJumps, servingLayout } from './layout.ts';
import { type Listing, parseListing } from './listing.ts';
import { NO_OTHERS, othersOf } from './others.ts';
import { TABLES } from './part.ts';
import { changeSets, listedSets } from './sets.ts';
import { split } from './split.ts';
import { chainsOfService, listsOf, Restore } from './table.ts';

/**
 * iptables, in the shape of the text that people know: a chain per service and per endpoint, statistic mode.
 * Every output is one `iptables-restore --noflush`, for the nft and the legacy variant alike.
 */
export const ruleset: Ruleset = { full, change, clean, drift, beside, parts: split, speaking };

function full(intent: FirewallIntent, text = ''): string {
  const listing = parseListing(text);
  return bring(listing, servingLayout(intent, othersOf(listing)));
}

function change(from: FirewallIntent, to: FirewallIntent): string {
  return changeRules(from, to) ?? bring(held(from), servingLayout(to, NO_OTHERS));
}

function drift(intent: FirewallIntent, text: string): readonly string[] {
  const listing = parseListing(text);
  const others = othersOf(listing);
  const missing = missingChains(servingLayout({ ...intent, services: [] }, others), listing);
  if (missing.length > 0) return [...driftOfJumps(servingJumps(intent, others), listing), ...missing];
  return driftOf(servingLayout(intent, others), listing);
}

function beside(intent: FirewallIntent, text: string): Beside {
  const listing = parseListing(text);
  const layout = besideLayout(intent, othersOf(listing));
  const reasons = driftOf(layout, listing);
  return {
    holds: layout.jumps.length > 0,
    input: reasons.length === 0 ? '' : bring(listing, layout),
    reasons,
  };
}

/** What the kernel lists when it holds exactly `intent` and nothing of others. */
function held(intent: FirewallIntent): Listing {
  const { jumps, chains, sets } = servingLayout(intent, NO_OTHERS);
  const byTable = new Map(TABLES.map((table) => [table, new Map<string, readonly string[]>()]));
  for (const { table, name, rules } of chains) byTable.get(table)?.set(name, rules);
  const listed = new Map(sets.map(({ name, elements }) => [name, new Set(elements)]));
  return {
    chains: byTable,
    jumps: jumps.map((jump) => ({ ...jump, late: false })),
    foreign: new Set(),
    policies: new Map(),
    sets: listed,
  };
}

/** Empty when the listing holds nothing of ours. */
function clean(text: string): string {
  const listing = parseListing(text);
  const restore = new Restore();
  for (const { table, chain, rule } of listing.jumps) restore.rule(table, `-D ${chain} ${rule}`);
  for (const [table, chains] of listing.chains) for (const name of chains.keys()) restore.remove(table, name);
  const sets = changeSets(listedSets(listing.sets), []);
  return `${restore.text()}${sets.after}`;
}

/** By the service's own chains, and by its rules in the lists that it shares with others. */
function speaking(intent: FirewallIntent, lines: readonly string[]): readonly ServiceIntent[] {
  const rules = new Set(lines);
  const chains = new Set(lines.map((line) => /^(?::|-A )(\S+)/.exec(line)?.[1]));
  const lists = listsOf(intent);
  return intent.services.filter(
    (service) =>
      [...chainsOfService(service, intent)].some(({ name }) => chains.has(name)) ||
      lists.some(({ name, entries }) => entries([service]).some((rule) => rules.has(`-A ${name} ${rule}`))),
  );
}
