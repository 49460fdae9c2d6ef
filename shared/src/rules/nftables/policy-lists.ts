import type { PolicyMatch } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { boxesOf } from '../boxes.ts';
import type { Element, MapDeclaration, Piece, Rule } from './part.ts';
import { kept } from './pieces.ts';
import { WORDS } from './words.ts';

/** Seen from the container: connections to it, connections from it. */
export type Direction = 'to' | 'from';

/**
 * The two sets of a list of matches: peers of all protocols, and peers with protocol and ports, which are apart since
 * only some protocols have ports. Both are there even when they are empty: a first or a last match is an element, not a rule.
 */
export function listPieces(name: string, matches: readonly PolicyMatch[], family: Family): readonly Piece[] {
  const make = (): Piece => ({
    maps: setsOf(name, family),
    chains: [],
    elements: elementsOf(name, matches, family),
  });
  // One empty list may be that of many policies, and outlives them.
  return [matches.length === 0 ? make() : kept(matches, `${name} ${family}`, make)];
}

function setsOf(name: string, family: Family): readonly MapDeclaration[] {
  const { addressType } = WORDS[family];
  return [
    { name, kind: 'set', spec: `type ${addressType}; flags interval` },
    // The peer is what tells most elements apart: see `rangeSet` of sources.ts.
    {
      name: portsOf(name),
      kind: 'set',
      spec: `type ${addressType} . inet_proto . inet_service; flags interval`,
    },
  ];
}

function portsOf(name: string): string {
  return `${name}-ports`;
}

function elementsOf(name: string, matches: readonly PolicyMatch[], family: Family): readonly Element[] {
  const { peers, ports } = boxesOf(matches, family);
  return [
    ...peers.map((key) => ({ map: name, key })),
    ...ports.map(({ cidr, protocol, first, last }) => ({
      map: portsOf(name),
      key: `${cidr} . ${protocol} . ${first === last ? first : `${first}-${last}`}`,
    })),
  ];
}

interface Match {
  readonly set: string;
  /** Which address is the peer's: `saddr`, `daddr`. */
  readonly peer: string;
  readonly verdict: string;
  readonly why: string;
}

/** The rules that look into both sets. */
export function matchRules({ set, peer, verdict, why }: Match, family: Family): readonly Rule[] {
  const address = `${WORDS[family].ip} ${peer}`;
  return [
    { text: `${address} @${set} ${verdict}`, why },
    { text: `${address} . meta l4proto . th dport @${portsOf(set)} ${verdict}`, why: `${why}, by port` },
  ];
}
