import type { PolicyMatch, PolicySideIntent } from '../desired/intent.ts';
import { type Block, bitsOf, blockAt, type Ip, parseBlock, parseIp } from '../net/block.ts';

/** Whoever is at the other end of a connection, seen from the container. */
export interface OtherEnd {
  readonly address: string;
  /** As of `JudgedConnection`. */
  readonly protocol: string;
  /** Absent: whatever port; and where the protocol has none. */
  readonly port?: number;
}

/** Of how many protocols and ports a list of matches is put in order: each takes as long as reading it. */
const MOST_KINDS = 32;

/**
 * The widest block around an address of which a side refuses everybody, at that protocol and port. What is limited counts
 * as accepted. Pure.
 *
 * @param spared blocks that must not be touched, whatever the side says; the same list each time
 * @returns undefined where the address itself is not refused, or spared; or for the 33rd kind of end of a side
 */
export type RefusedAround = (
  side: PolicySideIntent,
  end: OtherEnd,
  spared: readonly Block[],
) => Block | undefined;

/** For one look at many connections: what it has put in order it keeps for as long as it is kept itself. */
export function createRefusedAround(): RefusedAround {
  const known: Known = new WeakMap();
  return (side, end, spared) => refusedAround(known, side, end, spared);
}

function refusedAround(
  known: Known,
  side: PolicySideIntent,
  end: OtherEnd,
  spared: readonly Block[],
): Block | undefined {
  const ip = parseIp(end.address);
  const kinds = ip && kindsOf(known, side, end);
  if (ip === undefined || kinds === undefined) return undefined;
  const least = apartFrom(ip, orderOf(spared));
  const denied = around(ip, kinds.denied)[0];
  const unnamed = side.default === 'deny' ? apartFrom(ip, kinds.accepted) : undefined;
  if (least === undefined || (denied === undefined && unnamed === undefined)) return undefined;
  const bits = bitsOf(ip.family);
  return blockAt(ip, Math.max(least, Math.min(denied ?? bits, unnamed ?? bits)));
}

/** Blocks, so that those around an address are looked up, and those beside it found by halving. */
interface Order {
  /** From the widest on, the first addresses of all blocks of that length. */
  readonly byLength: readonly (readonly [length: number, bases: ReadonlySet<bigint>])[];
  readonly sorted: readonly bigint[];
}

/** What a side says of one kind of connection. */
interface Kinds {
  /** All of that kind is refused. */
  readonly denied: Order;
  /** Some of it may be accepted. */
  readonly accepted: Order;
}

type Known = WeakMap<PolicySideIntent, Map<string, Kinds>>;

function kindsOf(known: Known, side: PolicySideIntent, { protocol, port }: OtherEnd): Kinds | undefined {
  const ofSide = known.get(side) ?? new Map<string, Kinds>();
  known.set(side, ofSide);
  const key = `${protocol} ${port ?? ''}`;
  const made = ofSide.get(key);
  if (made !== undefined || ofSide.size >= MOST_KINDS) return made;
  const isOf = (match: PolicyMatch, anyPort: boolean) =>
    match.protocol === undefined ||
    (match.protocol === protocol &&
      (match.firstPort === undefined || (port === undefined ? anyPort : hasPort(match, port))));
  const accepted = [side.allow, ...side.limited.map(({ matches }) => matches)].flat();
  const kinds = {
    denied: order(joined(blocksOf(side.deny.filter((match) => isOf(match, false))))),
    accepted: order(blocksOf(accepted.filter((match) => isOf(match, true)))),
  };
  ofSide.set(key, kinds);
  return kinds;
}

function hasPort({ firstPort = 0, lastPort = firstPort }: PolicyMatch, port: number): boolean {
  return firstPort <= port && port <= lastPort;
}

function blocksOf(matches: readonly PolicyMatch[]): readonly Block[] {
  return matches.flatMap(({ cidr }) => parseBlock(cidr) ?? []);
}

/** Addresses that are listed one by one, and halves of a block, are one block where they fill it. @param blocks of one family */
function joined(blocks: readonly Block[]): readonly Block[] {
  const [first] = blocks;
  if (first === undefined) return [];
  const { family } = first;
  const left = new Map<number, Set<bigint>>();
  for (const { base, length } of blocks) left.set(length, (left.get(length) ?? new Set()).add(base));
  for (let length = bitsOf(family); length > 0; length--) {
    const bases = left.get(length) ?? new Set();
    const half = 1n << BigInt(bitsOf(family) - length);
    for (const base of bases) {
      if ((base & half) !== 0n || !bases.has(base | half)) continue;
      for (const one of [base, base | half]) bases.delete(one);
      left.set(length - 1, (left.get(length - 1) ?? new Set()).add(base));
    }
  }
  return [...left].flatMap(([length, bases]) => [...bases].map((base) => ({ family, base, length })));
}

const orders = new WeakMap<readonly Block[], Order>();

function orderOf(blocks: readonly Block[]): Order {
  const made = orders.get(blocks) ?? order(blocks);
  orders.set(blocks, made);
  return made;
}

/** @param blocks of one family */
function order(blocks: readonly Block[]): Order {
  const byLength = new Map<number, Set<bigint>>();
  for (const { base, length } of blocks) byLength.set(length, (byLength.get(length) ?? new Set()).add(base));
  return {
    byLength: [...byLength].sort(([a], [b]) => a - b),
    sorted: [...new Set(blocks.map(({ base }) => base))].sort((a, b) => (a < b ? -1 : 1)),
  };
}

/** @returns the lengths of the blocks that have the address, from the widest on */
function around(ip: Ip, { byLength }: Order): readonly number[] {
  return byLength.flatMap(([length, bases]) => (bases.has(blockAt(ip, length).base) ? [length] : []));
}

/** @returns the shortest prefix length at which the address is apart from all of these; undefined: it is in one */
function apartFrom(ip: Ip, blocks: Order): number | undefined {
  if (around(ip, blocks).length > 0) return undefined;
  const { sorted } = blocks;
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] ?? 0n) <= ip.value) from = middle + 1;
    else to = middle;
  }
  // Whatever has more bits in common with the address than its neighbours would stand between them.
  const beside = [sorted[from - 1], sorted[from]].flatMap((base) => base ?? []);
  return Math.max(0, ...beside.map((base) => commonBits(ip, base) + 1));
}

function commonBits({ family, value }: Ip, base: bigint): number {
  const difference = value ^ base;
  return bitsOf(family) - (difference === 0n ? 0 : difference.toString(2).length);
}
