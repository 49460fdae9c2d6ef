import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { diffServices, type ServiceDiff, sameSettings } from '../diff.ts';
import { setsOf } from './network-policies.ts';
import { type Chain, type List, TABLES, type Table } from './part.ts';
import { changeSets } from './sets.ts';
import { isRestricted } from './sources.ts';
import { chainOfList, chainsOfService, commonChainsOf, jumpsOf, listsOf, Restore } from './table.ts';

/** @returns the restore that turns `from` into `to`; undefined when the settings differ. */
export function changeRules(from: FirewallIntent, to: FirewallIntent): string | undefined {
  if (!sameSettings(from, to)) return undefined;
  const diff = diffServices(from.services, to.services);
  const restore = new Restore();
  changeJumps(from, to, restore);
  changeCommonChains(from, to, restore);
  changeChains(diff, to, restore);
  changeLists(diff, from, to, restore);
  const sets = changeSets(setsOf(from), setsOf(to));
  return `${sets.before}${restore.text(orderOf(diff))}${sets.after}`;
}

/** Where nobody is restricted any more, nobody comes in before the service is gone. */
function orderOf({ after }: ServiceDiff): readonly Table[] {
  if (after.some(isRestricted)) return TABLES;
  return [...TABLES.filter((table) => table !== 'mangle'), 'mangle'];
}

/** Those that come with the first service that needs them, and go with the last. */
function changeJumps(from: FirewallIntent, to: FirewallIntent, restore: Restore): void {
  const textOf = ({ table, chain, rule }: { table: Table; chain: string; rule: string }) =>
    `${table} ${chain} ${rule}`;
  const [old, wanted] = [jumpsOf(from), jumpsOf(to)];
  const [isOld, isWanted] = [new Set(old.map(textOf)), new Set(wanted.map(textOf))];
  for (const jump of old)
    if (!isWanted.has(textOf(jump))) restore.rule(jump.table, `-D ${jump.chain} ${jump.rule}`);
  for (const jump of wanted)
    if (!isOld.has(textOf(jump))) restore.rule(jump.table, `-I ${jump.chain} ${jump.rule}`);
}

/** Looked at only where what they say may have changed: the lists are the same objects as long as nothing in them is new. */
function changeCommonChains(from: FirewallIntent, to: FirewallIntent, restore: Restore): void {
  if (from.published === to.published && from.policies === to.policies) return;
  const [old, wanted] = [byName(commonChainsOf(from)), byName(commonChainsOf(to))];
  for (const chain of wanted.values()) {
    const held = old.get(chain.name);
    if (held === undefined) restore.fill(chain);
    else if (held !== chain) changeChain(held, chain, restore);
  }
  for (const { table, name } of old.values()) if (!wanted.has(name)) restore.remove(table, name);
}

/** As in `changeList`, by the rules' text. What stays, in another order, is filled anew. */
function changeChain(held: Chain, wanted: Chain, restore: Restore): void {
  const { table, name, rules } = wanted;
  const [inHeld, inWanted] = [new Set(held.rules), new Set(rules)];
  const staying = held.rules.filter((rule) => inWanted.has(rule));
  if (staying.join('\n') !== rules.filter((rule) => inHeld.has(rule)).join('\n')) {
    restore.fill(wanted);
    return;
  }
  for (const rule of held.rules) if (!inWanted.has(rule)) restore.rule(table, `-D ${name} ${rule}`);
  for (const [i, rule] of rules.entries())
    if (!inHeld.has(rule)) restore.rule(table, `-I ${name} ${i + 1} ${rule}`);
}

/** The changed services' own chains: filled anew where they differ, removed where nobody needs them. */
function changeChains(diff: ServiceDiff, intent: FirewallIntent, restore: Restore): void {
  const old = byName(diff.before.flatMap((service) => [...chainsOfService(service, intent)]));
  const wanted = byName(diff.after.flatMap((service) => [...chainsOfService(service, intent)]));
  for (const chain of wanted.values()) {
    const held = old.get(chain.name);
    if (held === undefined || held.rules.join('\n') !== chain.rules.join('\n')) restore.fill(chain);
  }
  for (const chain of old.values()) if (!wanted.has(chain.name)) restore.remove(chain.table, chain.name);
}

function byName<T extends Pick<Chain, 'name'>>(chains: readonly T[]): ReadonlyMap<string, T> {
  return new Map(chains.map((chain) => [chain.name, chain]));
}

function changeLists(diff: ServiceDiff, from: FirewallIntent, to: FirewallIntent, restore: Restore): void {
  const [old, wanted] = [byName(listsOf(from)), byName(listsOf(to))];
  const sharing = sharers(diff);
  const before = [...diff.before, ...sharing];
  const after = [...diff.after, ...sharing];
  for (const list of wanted.values())
    if (old.has(list.name)) changeList(list, before, after, to, restore);
    else restore.fill(chainOfList(list, to));
  for (const { table, name } of old.values()) if (!wanted.has(name)) restore.remove(table, name);
}

/** The unchanged services with a changed one's VIP: a VIP's rule is all that several services can have in common. */
function sharers({ before, after, unchanged }: ServiceDiff): readonly ServiceIntent[] {
  const vips = new Set([...before, ...after].map(({ vip }) => vip));
  vips.delete(undefined);
  return vips.size === 0 ? [] : unchanged().filter(({ vip }) => vips.has(vip));
}

/**
 * Deletes by the rule's text, not its number: should the kernel hold something else than it was brought to, the
 * restore fails as a whole instead of removing another rule. Insertions go from top to bottom, so each number is
 * true; only for these numbers, the list is rendered for all services.
 */
function changeList(
  list: List,
  before: readonly ServiceIntent[],
  after: readonly ServiceIntent[],
  to: FirewallIntent,
  restore: Restore,
): void {
  const old = new Set(list.entries(before));
  const wanted = new Set(list.entries(after));
  for (const rule of old) if (!wanted.has(rule)) restore.rule(list.table, `-D ${list.name} ${rule}`);
  if ([...wanted].every((rule) => old.has(rule))) return;
  list.entries(to.services).forEach((rule, i) => {
    if (wanted.has(rule) && !old.has(rule)) restore.rule(list.table, `-I ${list.name} ${i + 1} ${rule}`);
  });
}
