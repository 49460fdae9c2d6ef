import { SET_PREFIXES } from '../../names.ts';
import type { Family } from '../../net/family.ts';

export const SET_TYPES = ['hash:net', 'hash:net,port'] as const;

/** An ipset of ours. Its name says its type: no name is ever one of another. */
export interface IpSet {
  readonly name: string;
  readonly type: (typeof SET_TYPES)[number];
  readonly family: Family;
  /** As `ipset save` writes them, without doubles. The same list as long as nothing in it changes. */
  readonly elements: readonly string[];
}

/** By name. */
export type ListedSets = ReadonlyMap<string, ReadonlySet<string>>;

/** What is done to sets before the rules that look into them, and after: nothing is ever looked for where it is not yet. */
export interface SetChanges {
  readonly before: string;
  readonly after: string;
}

/** A bound that the kernel wants, not a cost. */
const MOST_ELEMENTS = 1_048_576;
/** Where sets stand among the tables of a restore, and of a listing. */
const SECTION = '*ipset';

/** Turns what is held into what is wanted. */
export function changeSets(held: readonly (IpSet | Listed)[], wanted: readonly IpSet[]): SetChanges {
  const old = new Map(held.map((set) => [set.name, set.elements]));
  const [before, removals, destroyed]: [string[], string[], string[]] = [[], [], []];
  for (const set of wanted) {
    const elements = old.get(set.name);
    old.delete(set.name);
    if (elements === set.elements) continue;
    if (elements === undefined) before.push(creationOf(set));
    const [isHeld, isWanted] = [new Set(elements), new Set(set.elements)];
    for (const one of isWanted) if (!isHeld.has(one)) before.push(`add ${set.name} ${one}`);
    for (const one of isHeld) if (!isWanted.has(one)) removals.push(`del ${set.name} ${one}`);
  }
  for (const name of old.keys()) destroyed.push(`destroy ${name}`);
  return { before: sectionOf(before), after: sectionOf([...removals, ...destroyed]) };
}

interface Listed {
  readonly name: string;
  readonly elements: Iterable<string>;
}

/** The listed sets as `changeSets` takes them. */
export function listedSets(sets: ListedSets): readonly Listed[] {
  return [...sets].map(([name, elements]) => ({ name, elements }));
}

/** The line of `ipset restore` that makes a set, empty. */
export function creationOf({ name, type, family }: Omit<IpSet, 'elements'>): string {
  return `create ${name} ${type} family ${family === 'ipv4' ? 'inet' : 'inet6'} maxelem ${MOST_ELEMENTS}`;
}

function sectionOf(lines: readonly string[]): string {
  return lines.length === 0 ? '' : [SECTION, ...lines, 'COMMIT', ''].join('\n');
}

/**
 * @param saved what `ipset save` says, of whomever
 * @returns our sets of the family, to be put behind what `iptables-save` says; empty: there are none
 */
export function setsListing(saved: string, family: Family): string {
  const prefix = SET_PREFIXES[family];
  return sectionOf(saved.split('\n').filter((line) => line.split(' ')[1]?.startsWith(prefix) === true));
}

/** Reads these again. */
export function readSets(listing: string): ListedSets {
  const found = new Map<string, Set<string>>();
  for (const [, body = ''] of listing.matchAll(/^\*ipset\n([\s\S]*?)^COMMIT$/gm))
    for (const line of body.split('\n')) {
      const [verb, name = '', element = ''] = line.split(' ');
      if (verb === 'create') found.set(name, new Set());
      else if (verb === 'add') found.get(name)?.add(element);
    }
  return found;
}

/** What differs, one sentence per set and kind. */
export function driftOfSets(wanted: readonly IpSet[], held: ListedSets): readonly string[] {
  const names = new Set(wanted.map(({ name }) => name));
  const foreign = [...held.keys()].filter((name) => !names.has(name));
  return [
    ...wanted.flatMap(({ name, elements }) => {
      const listed = held.get(name);
      if (listed === undefined) return [`the set ${name} is missing`];
      const isWanted = new Set(elements);
      return [
        ...summary(
          `the set ${name} lacks`,
          elements.filter((one) => !listed.has(one)),
        ),
        ...summary(
          `the set ${name} holds a foreign`,
          [...listed].filter((one) => !isWanted.has(one)),
        ),
      ];
    }),
    ...summary('there is a set without a purpose:', foreign),
  ];
}

function summary(start: string, all: readonly string[]): readonly string[] {
  const [first] = all;
  if (first === undefined) return [];
  return [`${start} ${first}${all.length > 1 ? ` and ${all.length - 1} more` : ''}`];
}

/** A part of what this folder makes, for one program: `ipset restore`, or `iptables-restore --noflush`. */
export interface Section {
  readonly program: 'ipset' | 'iptables';
  readonly input: string;
}

/** In their order, which they must be given in. */
export function sectionsOf(input: string): readonly Section[] {
  const sections: { program: Section['program']; input: string }[] = [];
  for (const [whole, table, body = ''] of input.matchAll(/^(\*\w+)\n([\s\S]*?)^COMMIT\n/gm)) {
    const last = sections.at(-1);
    if (table === SECTION) sections.push({ program: 'ipset', input: body });
    else if (last?.program === 'iptables') last.input += whole;
    else sections.push({ program: 'iptables', input: whole });
  }
  return sections;
}
