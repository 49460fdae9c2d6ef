import type { PolicyMatch } from '../desired/intent.ts';
import type { Protocol } from '../model/service.ts';
import { type Block, bitsOf, blockHasBlock, compareBlocks, formatBlock, parseBlock } from '../net/block.ts';
import type { Family } from '../net/family.ts';
import { safe } from './safe.ts';

/** What a list of matches means: no packet is in two of the peers, nor in two of the ports. */
export interface Boxes {
  /** Peers of all protocols; none inside another, as `textOf` writes them. */
  readonly peers: readonly string[];
  readonly ports: readonly Box[];
}

/** Peers, one protocol, and a range of ports. */
export interface Box {
  readonly cidr: string;
  readonly protocol: Protocol;
  readonly first: number;
  readonly last: number;
}

const LAST_PORT = 65_535;

/** By list: it is the same one as long as nothing in it changes. */
const known = new WeakMap<readonly PolicyMatch[], Boxes>();

/**
 * Makes matches disjoint, since nft refuses intervals that overlap. CIDRs are inside one another or apart, so it is
 * enough to take from each one's ports those of the CIDRs around it; nothing is ever cut into more CIDRs, but the
 * CIDR of all addresses, which is said as its two halves: ipset has no such element.
 */
export function boxesOf(matches: readonly PolicyMatch[], family: Family): Boxes {
  const last = known.get(matches);
  if (last !== undefined) return last;
  const around: Held[] = [];
  const peers: string[] = [];
  const ports: Box[] = [];
  for (const one of group(matches, family)) {
    while (around.length > 0 && !blockHasBlock((around.at(-1) as Held).block, one.block)) around.pop();
    const outer = around.at(-1);
    if (outer?.all === true) continue;
    const texts = textsOf(one.block);
    if (one.all) peers.push(...texts);
    else ports.push(...texts.flatMap((cidr) => restOf(cidr, one.ports, outer?.ports)));
    around.push({ ...one, ports: together(one.ports, outer?.ports) });
  }
  const found = { peers, ports };
  known.set(matches, found);
  return found;
}

/** Ports from the first to the last, by protocol: sorted, apart. */
type Ports = ReadonlyMap<Protocol, readonly Range[]>;
type Range = readonly [first: number, last: number];

interface Held {
  readonly block: Block;
  /** Every protocol; then the ports do not matter. */
  readonly all: boolean;
  readonly ports: Ports;
}

/** One entry per CIDR, those around others before them. */
function group(matches: readonly PolicyMatch[], family: Family): readonly Held[] {
  const byText = new Map<string, { block: Block; all: boolean; ports: Map<Protocol, Range[]> }>();
  for (const { cidr, protocol, firstPort = 0, lastPort = LAST_PORT } of matches) {
    const one = byText.get(cidr) ?? { block: blockOf(cidr, family), all: false, ports: new Map() };
    byText.set(cidr, one);
    if (protocol === undefined) one.all = true;
    else {
      safe.protocol(protocol);
      const range = [firstPort === 0 ? 0 : safe.port(firstPort), safe.port(lastPort)] as const;
      one.ports.set(protocol, [...(one.ports.get(protocol) ?? []), range]);
    }
  }
  return [...byText.values()]
    .map((one) => ({ ...one, ports: new Map([...one.ports].map(([name, ranges]) => [name, join(ranges)])) }))
    .sort((a, b) => compareBlocks(a.block, b.block));
}

function blockOf(cidr: string, family: Family): Block {
  const block = parseBlock(safe.cidr(cidr, family));
  if (block === undefined) throw new Error(`no CIDR: ${cidr}`);
  return block;
}

/** Sorted, and those that touch put together. */
function join(ranges: readonly Range[]): readonly Range[] {
  const joined: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = joined.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else if (first <= last) joined.push([first, last]);
  }
  return joined;
}

function together(a: Ports, b: Ports | undefined): Ports {
  if (b === undefined || b.size === 0) return a;
  const names = new Set([...a.keys(), ...b.keys()]);
  return new Map([...names].map((name) => [name, join([...(a.get(name) ?? []), ...(b.get(name) ?? [])])]));
}

/** The ports without those that are taken. */
function restOf(cidr: string, ports: Ports, taken: Ports | undefined): readonly Box[] {
  return [...ports].flatMap(([protocol, ranges]) =>
    ranges
      .flatMap((range) => without(range, taken?.get(protocol) ?? []))
      .map(([first, last]) => ({ cidr, protocol, first, last })),
  );
}

function without([first, last]: Range, taken: readonly Range[]): readonly Range[] {
  const rest: Range[] = [];
  let next = first;
  for (const [from, to] of taken) {
    if (to < next || from > last) continue;
    if (from > next) rest.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  return next <= last ? [...rest, [next, last]] : rest;
}

/** As nft and ipset list it: a single address is without its length. */
function textsOf(block: Block): readonly string[] {
  const bits = bitsOf(block.family);
  if (block.length === 0) {
    const half = { ...block, length: 1 };
    return [half, { ...half, base: 1n << BigInt(bits - 1) }].map(formatBlock);
  }
  const text = formatBlock(block);
  return [block.length === bits ? text.slice(0, text.lastIndexOf('/')) : text];
}
