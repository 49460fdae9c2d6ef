import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { countsOf, handOver, type KeysOf } from '../counts.ts';
import { diffServices, type ServiceDiff, sameSettings } from '../diff.ts';
import { hairpinsOf } from './masquerade.ts';
import type { Chain, MapDeclaration, Piece } from './part.ts';
import {
  chainsOf,
  type Elements,
  elementsOf,
  mapsOf,
  piecesOf,
  renderElements,
  renderTable,
  tableOf,
} from './table.ts';

/** @returns the statements that turn `from` into `to`; undefined when the settings differ. */
export function changeRules(from: FirewallIntent, to: FirewallIntent): string | undefined {
  if (!sameSettings(from, to)) return undefined;
  const { family } = to;
  const table = tableOf(family);
  const diff = diffServices(from.services, to.services);
  const pieces = diffPieces(piecesOf(from), piecesOf(to));
  const old = elementsOf(diff.before, family, pieces.before);
  const wanted = elementsOf(diff.after, family, pieces.after);
  const kept = sharedKeys(from.services, diff);
  const held = { maps: mapsOf(from), chains: chainsOf(from) };
  handOver(from.services, to.services, diff);
  const maps = pick([...held.maps, ...mapsIn(pieces.before)], [...mapsOf(to), ...mapsIn(pieces.after)]);
  const chains = pick(
    [...held.chains, ...chainsIn(pieces.before)],
    [...chainsOf(to), ...chainsIn(pieces.after)],
  );
  const refilled = changedChains(chainsIn(pieces.before), chainsIn(pieces.after));
  // A map takes its elements with it, but for verdicts: their chains could not go before it.
  const vanishing = new Set(maps.gone.filter((map) => !hasVerdicts(map)).map((map) => map.name));
  const isKept = (map: string, key: string) => vanishing.has(map) || kept.get(map)?.has(key) === true;
  const removed = elementStatements('delete', family, old, wanted, isKept);
  const added = elementStatements('add', family, wanted, old, isKept);
  const made = [...chains.made, ...refilled];
  const lines = [
    ...refilled.map(({ name }) => `flush chain ${table} ${name}`),
    ...(maps.made.length + made.length > 0 ? [renderTable(family, maps.made, made)] : []),
    ...removed,
    ...added,
    // Last, when no element leads to them any more.
    ...chains.gone.map(({ name }) => `delete chain ${table} ${name}`),
    ...maps.gone.map(({ name }) => `delete map ${table} ${name}`),
  ];
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** What stays is the same object. */
function diffPieces(from: readonly Piece[], to: readonly Piece[]) {
  const [isOld, isWanted] = [new Set(from), new Set(to)];
  return {
    before: from.filter((piece) => !isWanted.has(piece)),
    after: to.filter((piece) => !isOld.has(piece)),
  };
}

const mapsIn = (pieces: readonly Piece[]) => pieces.flatMap(({ maps }) => maps);
const chainsIn = (pieces: readonly Piece[]) => pieces.flatMap(({ chains }) => chains);

/** Those of both that hold other rules. */
function changedChains(from: readonly Chain[], to: readonly Chain[]): readonly Chain[] {
  const old = new Map(from.map((chain) => [chain.name, chain]));
  return to.filter((chain) => {
    const held = old.get(chain.name);
    return held !== undefined && held !== chain && textOf(held) !== textOf(chain);
  });
}

function textOf({ rules }: Chain): string {
  return rules.map(({ text, why }) => `${text} ${why}`).join('\n');
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
