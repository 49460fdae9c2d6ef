import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { diffServices, sameSettings } from '../diff.ts';
import type { Chain, MapName } from './part.ts';
import { chainsOf, type Elements, elementsOf, MAPS, renderElements, renderRule, TABLE } from './table.ts';

/** @returns the statements that turn `from` into `to`; undefined when more than services differ. */
export function changeServices(from: FirewallIntent, to: FirewallIntent): string | undefined {
  if (!sameSettings(from, to)) return undefined;
  const { before, after, unchanged } = diffServices(from.services, to.services);
  const old = elementsOf(before);
  const wanted = elementsOf(after);
  const kept = sharedKeys(unchanged, old, wanted);
  const removed: string[] = [];
  const added: string[] = [];
  for (const { name } of MAPS) {
    const was = old.get(name) ?? new Map<string, string>();
    const will = wanted.get(name) ?? new Map<string, string>();
    const toDelete = difference(was, will, kept.get(name));
    const toAdd = difference(will, was, kept.get(name));
    if (toDelete.size > 0) removed.push(renderElements('delete', name, toDelete));
    if (toAdd.size > 0) added.push(renderElements('add', name, toAdd));
  }
  const lines = [...newChains(from, to), ...removed, ...added];
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/**
 * Keys of sets that unchanged services hold too: several services may share a VIP or an endpoint's address.
 * Looks through the unchanged ones only for those keys that are about to change.
 */
function sharedKeys(unchanged: readonly ServiceIntent[], ...changing: Elements[]): Map<MapName, Set<string>> {
  const asked = new Map<MapName, Set<string>>();
  for (const elements of changing)
    for (const name of ['vips', 'hairpins'] as const)
      for (const key of elements.get(name)?.keys() ?? [])
        asked.set(name, (asked.get(name) ?? new Set()).add(key));
  const vips = asked.get('vips') ?? new Set();
  const hairpins = asked.get('hairpins') ?? new Set();
  const kept = new Map<MapName, Set<string>>([
    ['vips', new Set()],
    ['hairpins', new Set()],
  ]);
  if (vips.size === 0 && hairpins.size === 0) return kept;
  for (const { vip, nodePort, endpoints } of unchanged) {
    if (vip !== undefined && vips.has(vip)) kept.get('vips')?.add(vip);
    if (vip === undefined && nodePort === undefined) continue;
    for (const { address } of endpoints) {
      const key = `${address} . ${address}`;
      if (hairpins.has(key)) kept.get('hairpins')?.add(key);
    }
  }
  return kept;
}

/** Elements of `a` that `b` lacks or has with another value, without the keys of `except`. */
function difference(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
  except: ReadonlySet<string> | undefined,
): Map<string, string> {
  return new Map([...a].filter(([key, value]) => b.get(key) !== value && except?.has(key) !== true));
}

/** Chains that `from` had no need of. One may be left over from before `from`: hence the flush. */
function newChains(from: FirewallIntent, to: FirewallIntent): string[] {
  const known = new Set(chainsOf(from).map((chain) => chain.name));
  return chainsOf(to)
    .filter((chain) => !known.has(chain.name))
    .flatMap(({ name, rules }: Chain) => [
      `add chain ${TABLE} ${name}`,
      `flush chain ${TABLE} ${name}`,
      ...rules.map((rule) => `add rule ${TABLE} ${name} ${renderRule(rule)}`),
    ]);
}
