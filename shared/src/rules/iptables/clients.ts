import type { Family } from '../../net/family.ts';
import { AFFINITY_BUCKETS } from '../rendezvous.ts';

/**
 * A match for those clients whose bucket is among the given ones. A client's bucket is the highest eight bits of a hash
 * of its address, computed by a program of the classic packet filter (`-m bpf`): the match `cluster` hashes, but
 * iptables 1.8.9 takes no mask of more than five nodes for it; `recent` remembers, on each host for itself; HMARK
 * overwrites the marks of others. The program knows nothing but the packet, so all hosts agree, whatever their byte
 * order. It has 43 instructions, or 55 for IPv6, of 64 that the kernel takes.
 *
 * @param buckets 256: whether each is a client's
 */
export function clientsOf(buckets: readonly boolean[], family: Family): string {
  const program = [...bucketOf(family), ...isAmong(wordsOf(buckets))];
  const told = program.map((instruction) => instruction.join(' ')).join(',');
  return `-m bpf --bytecode "${program.length},${told}"`;
}

/** Operation, jump if true, jump if false, constant; `linux/filter.h`. The accumulator is A, the index register X. */
type Instruction = readonly [number, number, number, number];

const op = (code: number, constant = 0): Instruction => [code, 0, 0, constant];
/** A = 32 bits of the packet, from its network header on. */
const loadPacket = (offset: number) => op(0x20, offset);
const load = (value: number) => op(0x00, value);
const multiply = (by: number) => op(0x24, by);
const and = (mask: number) => op(0x54, mask);
const shiftRight = (by: number) => op(0x74, by);
const xor = (value: number) => op(0xa4, value);
const SHIFT_RIGHT_BY_X = op(0x7c);
const XOR_X = op(0xac);
/** X = A, A = X. */
const [TO_X, FROM_X] = [op(0x07), op(0x87)];
/** Into the first cell of memory, and back. */
const [STORE, RECALL] = [op(0x02), op(0x60)];
/** The packet matches unless A is 0. */
const RETURN = op(0x16);

/** A fixed seed, so that a client has the same hash on every host. */
const SEED = 0x43575931;
/** 2³² divided by the golden ratio. */
const GOLDEN = 0x9e3779b1;

/** Offsets of the words of the source address. */
const SOURCE: Readonly<Record<Family, readonly number[]>> = { ipv4: [12], ipv6: [8, 12, 16, 20] };

/** Puts a hash of the source address into A: its words folded into one, and the finaliser of MurmurHash3. */
function bucketOf(family: Family): readonly Instruction[] {
  const [first = 0, ...rest] = SOURCE[family];
  return [
    loadPacket(first),
    ...rest.flatMap((offset) => [multiply(GOLDEN), TO_X, loadPacket(offset), XOR_X]),
    ...[xor(SEED), TO_X, shiftRight(16), XOR_X, multiply(0x85ebca6b)],
    ...[TO_X, shiftRight(13), XOR_X, multiply(0xc2b2ae35)],
  ];
}

/** The highest three bits of A choose one of eight words, the next five a bit of it. */
function isAmong(words: readonly number[]): readonly Instruction[] {
  const last = words.length - 1;
  const choose = words.flatMap((word, i): readonly Instruction[] =>
    // The next number unless it is this one; then on behind the last word, which needs no question.
    i === last ? [load(word)] : [[0x15, 0, 2, i], load(word), op(0x05, 3 * (last - i) - 2)],
  );
  const bit = [STORE, FROM_X, shiftRight(24), and(31), TO_X, RECALL, SHIFT_RIGHT_BY_X, and(1), RETURN];
  return [TO_X, shiftRight(29), ...choose, ...bit];
}

/** Eight words of 32 bits. */
function wordsOf(buckets: readonly boolean[]): readonly number[] {
  const words = Array.from({ length: AFFINITY_BUCKETS / 32 }, () => 0);
  for (const [i, isOne] of buckets.entries())
    if (isOne) words[i >> 5] = ((words[i >> 5] ?? 0) | (1 << (i & 31))) >>> 0;
  return words;
}
