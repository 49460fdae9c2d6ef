import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { diffServices, sameSettings } from '../diff.ts';
import { reached } from './masquerade.ts';
import type { MapDeclaration } from './part.ts';
import {
  chainsOf,
  type Elements,
  elementsOf,
  mapsOf,
  renderElements,
  renderTable,
  tableOf,
} from './table.ts';

/** @returns the statements that turn `from` into `to`; undefined when more than services differ. */
export function changeServices(from: FirewallIntent, to: FirewallIntent): string | undefined {
  if (!sameSettings(from, to)) return undefined;
  const { family } = to;
  const table = tableOf(family);
  const { before, after, unchanged } = diffServices(from.services, to.services);
  const old = elementsOf(before, family);
  const wanted = elementsOf(after, family);
  const kept = sharedKeys(unchanged, [...before, ...after]);
  const maps = pick(mapsOf(from), mapsOf(to));
  const chains = pick(chainsOf(from), chainsOf(to));
  // A map takes its elements with it, but for verdicts: their chains could not go before it.
  const vanishing = new Set(maps.gone.filter((map) => !hasVerdicts(map)).map((map) => map.name));
  const isKept = (map: string, key: string) => vanishing.has(map) || kept.get(map)?.has(key) === true;
  const removed = elementStatements('delete', family, old, wanted, isKept);
  const added = elementStatements('add', family, wanted, old, isKept);
  const made = maps.made.length + chains.made.length > 0 ? [renderTable(family, maps.made, chains.made)] : [];
  const lines = [
    ...made,
    ...removed,
    ...added,
    // Last, when no element leads to them any more.
    ...chains.gone.map(({ name }) => `delete chain ${table} ${name}`),
    ...maps.gone.map(({ name }) => `delete map ${table} ${name}`),
  ];
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function hasVerdicts({ spec }: MapDeclaration): boolean {
  return spec.endsWith(' : verdict');
}

/** Which of the named things come and go. */
function pick<T extends { readonly name: string }>(from: readonly T[], to: readonly T[]) {
  const old = new Set(from.map(({ name }) => name));
  const wanted = new Set(to.map(({ name }) => name));
  return {
    made: to.filter(({ name }) => !old.has(name)),
    gone: from.filter(({ name }) => !wanted.has(name)),
  };
}

/** Statements for the elements of `these` that `those` lack or hold with another value, but for those that are kept. */
function elementStatements(
  verb: 'add' | 'delete',
  family: Family,
  these: Elements,
  those: Elements,
  isKept: (map: string, key: string) => boolean,
): string[] {
  return [...these].flatMap(([map, elements]) => {
    const found = new Map(
      [...elements].filter(([key, value]) => those.get(map)?.get(key) !== value && !isKept(map, key)),
    );
    return found.size === 0 ? [] : [renderElements(verb, family, map, found)];
  });
}

/**
 * Those keys of sets that unchanged services hold too, since several services may share a VIP or an endpoint's
 * address. Looks through the unchanged ones only for what the changed ones have, and for each of it once.
 */
function sharedKeys(unchanged: readonly ServiceIntent[], changed: readonly ServiceIntent[]): Elements {
  const vips = new Set(changed.map(({ vip }) => vip));
  const addresses = new Set(changed.flatMap(reached).map(({ address }) => address));
  const kept = { vips: new Map<string, string>(), hairpins: new Map<string, string>() };
  if (changed.length > 0)
    for (const service of unchanged) {
      const { vip, nodePort } = service;
      if (vip !== undefined && vips.delete(vip)) kept.vips.set(vip, '');
      if (vip === undefined && nodePort === undefined) continue;
      for (const { address } of reached(service))
        if (addresses.delete(address)) kept.hairpins.set(`${address} . ${address}`, '');
    }
  return new Map(Object.entries(kept));
}
