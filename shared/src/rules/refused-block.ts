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
export function refusedAround(
  side: PolicySideIntent,
  end: OtherEnd,
  spared: readonly Block[],
): Block | undefined {
  const ip = parseIp(end.address);
  const kinds = ip && kindsOf(side, end);
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

const known = new WeakMap<PolicySideIntent, Map<string, Kinds>>();

function kindsOf(side: PolicySideIntent, { protocol, port }: OtherEnd): Kinds | undefined {
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
    denied: order(blocksOf(side.deny.filter((match) => isOf(match, false)))),
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
