import type { FirewallIntent } from '../../desired/intent.ts';
import { diffServices, type ServiceDiff, sameSettings } from '../diff.ts';
import type { Chain, List } from './part.ts';
import { chainsOfService, listsOf, Restore } from './table.ts';

/** @returns the restore that turns `from` into `to`; undefined when more than services differ. */
export function changeServices(from: FirewallIntent, to: FirewallIntent): string | undefined {
  if (!sameSettings(from, to)) return undefined;
  const diff = diffServices(from.services, to.services);
  const restore = new Restore();
  changeChains(diff, to, restore);
  for (const list of listsOf(to)) changeList(list, from, to, diff, restore);
  return restore.text();
}

/** The changed services' own chains: filled anew where they differ, removed where nobody needs them. */
function changeChains(diff: ServiceDiff, intent: FirewallIntent, restore: Restore): void {
  const old = byName(diff.before.flatMap((service) => chainsOfService(service, intent)));
  const wanted = byName(diff.after.flatMap((service) => chainsOfService(service, intent)));
  for (const chain of wanted.values()) {
    const held = old.get(chain.name);
    if (held === undefined || held.rules.join('\n') !== chain.rules.join('\n')) restore.fill(chain);
  }
  for (const chain of old.values()) if (!wanted.has(chain.name)) restore.remove(chain.table, chain.name);
}

function byName(chains: readonly Chain[]): ReadonlyMap<string, Chain> {
  return new Map(chains.map((chain) => [chain.name, chain]));
}

/**
 * Deletes by the rule's text, not its number: should the kernel hold something else than `from`, the restore
 * fails as a whole instead of removing another rule. Insertions go from top to bottom, so each number is true.
 */
function changeList(
  list: List,
  from: FirewallIntent,
  to: FirewallIntent,
  diff: ServiceDiff,
  restore: Restore,
): void {
  if (list.entries(diff.before).join('\n') === list.entries(diff.after).join('\n')) return;
  const old = new Set(list.entries(from.services));
  const wanted = list.entries(to.services);
  const kept = new Set(wanted);
  for (const rule of old) if (!kept.has(rule)) restore.rule(list.table, `-D ${list.name} ${rule}`);
  wanted.forEach((rule, i) => {
    if (!old.has(rule)) restore.rule(list.table, `-I ${list.name} ${i + 1} ${rule}`);
  });
}
