import type { PolicyMatch } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { type Box, boxesOf } from '../boxes.ts';
import { setNames } from '../names.ts';
import { comment } from './part.ts';
import type { IpSet } from './sets.ts';

/** Seen from the container: connections to it, connections from it. */
export type Direction = 'to' | 'from';

/** A range of more ports is a rule of its own: ipset keeps a range as so many elements. */
const MOST_PORTS = 16;

/** A list of matches, and whose it is. */
export interface PolicyList {
  /** Of the policy. */
  readonly id: string;
  readonly direction: Direction;
  /** `deny`, `allow`, or the index of a limited one. */
  readonly what: 'deny' | 'allow' | number;
  readonly matches: readonly PolicyMatch[];
}

interface Sets {
  readonly peers: IpSet;
  readonly ports: IpSet;
  /** Peers of a wide range of ports. */
  readonly ranges: readonly { readonly set: IpSet; readonly box: Box }[];
}

/**
 * The sets of a list: peers of all protocols; peers with protocol and port; and peers per wide range. The first two are
 * there even when they are empty: a match more or less is an element, not a rule.
 */
export function listSets(list: PolicyList, family: Family): readonly IpSet[] {
  const { peers, ports, ranges } = setsOf(list, family);
  return [peers, ports, ...ranges.map(({ set }) => set)];
}

/** The rules that look into them. @param target `-j DROP` */
export function matchRules(list: PolicyList, family: Family, target: string, why: string): readonly string[] {
  const peer = list.direction === 'to' ? 'src' : 'dst';
  const { peers, ports, ranges } = setsOf(list, family);
  return [
    `${comment(why)} -m set --match-set ${peers.name} ${peer} ${target}`,
    `${comment(`${why}, by port`)} -m set --match-set ${ports.name} ${peer},dst ${target}`,
    ...ranges.map(({ set, box: { protocol, first, last } }) => {
      const within = first === 0 ? '' : `-m ${protocol} --dport ${first}:${last} `;
      return `-p ${protocol} ${comment(`${why}, by ports`)} -m set --match-set ${set.name} ${peer} ${within}${target}`;
    }),
  ];
}

/** By list: it is the same one as long as nothing in it changes. */
const known = new WeakMap<readonly PolicyMatch[], Map<string, Sets>>();

function setsOf(list: PolicyList, family: Family): Sets {
  const ofList = known.get(list.matches) ?? new Map<string, Sets>();
  known.set(list.matches, ofList);
  const key = `${family} ${list.id} ${list.direction} ${list.what}`;
  const sets = ofList.get(key) ?? make(list, family);
  ofList.set(key, sets);
  return sets;
}

function make({ id, direction, what, matches }: PolicyList, family: Family): Sets {
  const names = setNames(family, id, direction, what);
  const { peers, ports } = boxesOf(matches, family);
  const [narrow, wide]: [string[], Map<string, Box[]>] = [[], new Map()];
  for (const box of ports) {
    const { cidr, protocol, first, last } = box;
    const range = `${protocol} ${first}-${last}`;
    if (last - first >= MOST_PORTS) wide.set(range, [...(wide.get(range) ?? []), box]);
    else for (let port = first; port <= last; port++) narrow.push(`${cidr},${protocol}:${port}`);
  }
  return {
    peers: { name: names.peers, type: 'hash:net', family, elements: peers },
    ports: { name: names.ports, type: 'hash:net,port', family, elements: narrow },
    ranges: [...wide].sort().flatMap(([range, boxes]) => {
      const elements = boxes.map(({ cidr }) => cidr);
      const [box] = boxes;
      return box === undefined
        ? []
        : [{ set: { name: names.range(range), type: 'hash:net', family, elements }, box }];
    }),
  };
}
