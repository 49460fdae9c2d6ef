import type { FamilyNetwork } from '@causeway/shared/model/network';
import { isSubnetOf } from '@causeway/shared/model/network.schema';
import {
  type Block,
  blocksOverlap,
  formatBlock,
  parseBlock,
  parseIp,
  sizeOfBlock,
} from '@causeway/shared/net/block';

export interface PickInput {
  /** One family's part of the network. */
  readonly network: FamilyNetwork;
  /** What others have, of any length, inside the network or not. */
  readonly taken: readonly Block[];
  /** Subnets that this host would rather have than any, the best first; what is none is passed over. */
  readonly wanted: readonly string[];
  /** 0 ≤ random < 1 */
  readonly random: number;
}

/**
 * Which subnet of one family a host should lease: the first of those that it wants which fits the network and touches
 * nobody else's, else any free one, each equally likely: of many hosts that choose at once, few choose the same.
 *
 * @returns CIDR; undefined when every subnet is taken
 */
export function pickSubnet({ network, taken, wanted, random }: PickInput): string | undefined {
  const usable = wanted.find((subnet) => isUsable(subnet, network, taken));
  if (usable !== undefined) return usable;
  const free = freeSubnets(network, taken);
  if (free.count === 0n) return undefined;
  const subnet = free.nth((BigInt(Math.floor(random * 2 ** 52)) * free.count) >> 52n);
  return subnet === undefined ? undefined : formatBlock(subnet);
}

/** Whether a host may lease this very subnet: it fits the network, and nothing of others touches it. */
export function isUsable(subnet: string, network: FamilyNetwork, taken: readonly Block[]): boolean {
  const block = subnetOf(network, subnet);
  return block !== undefined && !taken.some((other) => blocksOverlap(other, block));
}

/**
 * Whether a host may go on with a subnet that it has: it fits the network, and no key of others names the very same.
 * One that names a larger or a smaller block may be a slip, which must not drive every host out at once.
 */
export function isKeepable(subnet: string, network: FamilyNetwork, taken: readonly Block[]): boolean {
  const block = subnetOf(network, subnet);
  return block !== undefined && !taken.some((other) => isSame(other, block));
}

export function isSame(a: Block, b: Block): boolean {
  return a.length === b.length && blocksOverlap(a, b);
}

/** The subnets of a network that nothing touches, in order. */
export interface FreeSubnets {
  readonly count: bigint;
  /** @param n from 0 to count − 1 */
  nth(n: bigint): Block | undefined;
}

export function freeSubnets(network: FamilyNetwork, taken: readonly Block[]): FreeSubnets {
  const [min, max] = [parseIp(network.subnetMin), parseIp(network.subnetMax)];
  if (min === undefined || max === undefined) return { count: 0n, nth: () => undefined };
  const size = sizeOfBlock({ family: min.family, base: 0n, length: network.subnetLen });
  const total = max.value < min.value ? 0n : (max.value - min.value) / size + 1n;
  const gaps = gapsBetween(spansOf(taken, { family: min.family, first: min.value, size, total }), total);
  const at = (index: bigint): Block => ({
    family: min.family,
    base: min.value + index * size,
    length: network.subnetLen,
  });
  return {
    count: gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0n),
    nth: (n) => {
      let left = n;
      for (const { start, end } of gaps) {
        if (left < end - start) return at(start + left);
        left -= end - start;
      }
      return undefined;
    },
  };
}

function subnetOf(network: FamilyNetwork, text: string): Block | undefined {
  const block = parseBlock(text);
  return block !== undefined && formatBlock(block) === text && isSubnetOf(block, network) ? block : undefined;
}

/** Subnets by their number in the network, `end` not among them. */
interface Span {
  readonly start: bigint;
  readonly end: bigint;
}

interface Grid {
  readonly family: Block['family'];
  readonly first: bigint;
  readonly size: bigint;
  readonly total: bigint;
}

/** Which subnets each block touches; blocks outside touch none. */
function spansOf(taken: readonly Block[], { family, first, size, total }: Grid): Span[] {
  return taken.flatMap((block) => {
    if (block.family !== family) return [];
    const [from, past] = [block.base - first, block.base + sizeOfBlock(block) - first];
    if (past <= 0n || from >= total * size) return [];
    const end = (past + size - 1n) / size;
    return [{ start: from <= 0n ? 0n : from / size, end: end > total ? total : end }];
  });
}

function gapsBetween(spans: readonly Span[], total: bigint): Span[] {
  const gaps: Span[] = [];
  let next = 0n;
  for (const { start, end } of spans.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
    if (start > next) gaps.push({ start: next, end: start });
    if (end > next) next = end;
  }
  if (next < total) gaps.push({ start: next, end: total });
  return gaps;
}
