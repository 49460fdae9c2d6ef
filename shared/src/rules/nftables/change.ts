import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { countsOf, handOver, type KeysOf } from '../counts.ts';
import { diffServices, type ServiceDiff, sameSettings } from '../diff.ts';
import { hairpinsOf } from './masquerade.ts';
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
  const diff = diffServices(from.services, to.services);
  const old = elementsOf(diff.before, family);
  const wanted = elementsOf(diff.after, family);
  const kept = sharedKeys(from.services, diff);
  const held = { maps: mapsOf(from), chains: chainsOf(from) };
  handOver(from.services, to.services, diff);
  const maps = pick(held.maps, mapsOf(to));
  const chains = pick(held.chains, chainsOf(to));
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
 * address.
 */
function sharedKeys(from: readonly ServiceIntent[], { before, after }: ServiceDiff): Elements {
  return new Map([
    ['vips', shared(from, before, after, vipsOf)],
    ['hairpins', shared(from, before, after, hairpinsOf)],
  ]);
}

/** The keys of the changed services that those of `from` say more often than the ones that go. */
function shared(
  from: readonly ServiceIntent[],
  before: readonly ServiceIntent[],
  after: readonly ServiceIntent[],
  keysOf: KeysOf,
): ReadonlyMap<string, string> {
  const all = countsOf(from, keysOf);
  const going = countsOf(before, keysOf);
  const found = new Map<string, string>();
  for (const key of [...before, ...after].flatMap(keysOf))
    if ((all.get(key) ?? 0) > (going.get(key) ?? 0)) found.set(key, '');
  return found;
}

const vipsOf: KeysOf = ({ vip }) => (vip === undefined ? [] : [vip]);
