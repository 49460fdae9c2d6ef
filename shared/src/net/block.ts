import { formatAddress, parseAddress } from './cidr.ts';
import type { Family } from './family.ts';

/**
 * Addresses and blocks of both families, as whole numbers (bigint). For what is done per host or per peer; hot paths
 * of IPv4 alone use `cidr.ts`.
 */
export interface Ip {
  readonly family: Family;
  readonly value: bigint;
}

export interface Block {
  readonly family: Family;
  /** The first address, host bits zero. */
  readonly base: bigint;
  /** Prefix length: 0–32 or 0–128. */
  readonly length: number;
}

const BITS: Readonly<Record<Family, number>> = { ipv4: 32, ipv6: 128 };

/** Bits of an address: 32 or 128; the prefix length of a single one. */
export function bitsOf(family: Family): number {
  return BITS[family];
}

/** @returns undefined unless it is a plain address: IPv4 without leading zeros, IPv6 (RFC 4291) without a zone. */
export function parseIp(text: string): Ip | undefined {
  const v4 = parseAddress(text);
  if (v4 !== undefined) return { family: 'ipv4', value: BigInt(v4) };
  const value = parseIpv6(text);
  return value === undefined ? undefined : { family: 'ipv6', value };
}

/** IPv6 in the one form of RFC 5952, which the kernel and flannel print too, but of mapped addresses (`isMapped`). */
export function formatIp({ family, value }: Ip): string {
  return family === 'ipv4' ? formatAddress(Number(value)) : formatIpv6(value);
}

/** The address in its canonical form; undefined when it is none. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  return ip === undefined ? undefined : formatIp(ip);
}

/** `::ffff:192.0.2.1`, `::192.0.2.1`: the kernel lists those in another form than ours, and none is ever on a wire. */
export function isMapped({ family, value }: Ip): boolean {
  return family === 'ipv6' && value >> 48n === 0n && value > 0xffffn;
}

export function familyOf(text: string): Family | undefined {
  return (parseIp(text) ?? parseBlock(text))?.family;
}

/** @returns the block with its host bits masked, or undefined when it is no CIDR */
export function parseBlock(text: string): Block | undefined {
  const [address, length, ...rest] = text.split('/');
  if (rest.length > 0 || address === undefined || !/^(0|[1-9]\d{0,2})$/.test(length ?? '')) return undefined;
  const ip = parseIp(address);
  if (ip === undefined || Number(length) > BITS[ip.family]) return undefined;
  return blockAt(ip, Number(length));
}

/** The block of that length that the address is in. */
export function blockAt({ family, value }: Ip, length: number): Block {
  const free = BigInt(BITS[family] - length);
  return { family, base: (value >> free) << free, length };
}

export function formatBlock({ family, base, length }: Block): string {
  return `${formatIp({ family, value: base })}/${length}`;
}

/** The block in its canonical form, host bits zero; undefined when it is none. */
export function canonicalBlock(text: string): string | undefined {
  const block = parseBlock(text);
  return block === undefined ? undefined : formatBlock(block);
}

export function sizeOfBlock({ family, length }: Block): bigint {
  return 1n << BigInt(BITS[family] - length);
}

export function lastOfBlock(block: Block): Ip {
  return { family: block.family, value: block.base + sizeOfBlock(block) - 1n };
}

/** The block's address with this number, from 0. */
export function nthOfBlock({ family, base }: Block, n: number | bigint): Ip {
  return { family, value: base + BigInt(n) };
}

export function blockHasIp(block: Block, ip: Ip): boolean {
  return block.family === ip.family && blockAt(ip, block.length).base === block.base;
}

export function blockHasBlock(outer: Block, inner: Block): boolean {
  return inner.length >= outer.length && blockHasIp(outer, { family: inner.family, value: inner.base });
}

export function blocksOverlap(a: Block, b: Block): boolean {
  return blockHasBlock(a, b) || blockHasBlock(b, a);
}

/** By family, address, then length; for sorting. */
export function compareBlocks(a: Block, b: Block): number {
  if (a.family !== b.family) return a.family < b.family ? -1 : 1;
  if (a.base !== b.base) return a.base < b.base ? -1 : 1;
  return a.length - b.length;
}

function parseIpv6(text: string): bigint | undefined {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text)) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = [groupsOf(halves[0] ?? '', halves.length === 1), groupsOf(halves[1] ?? '', true)];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** @param last whether an IPv4 address may end the part (RFC 4291, 2.2.3) */
function groupsOf(text: string, last: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    const v4 = last && i === parts.length - 1 ? parseAddress(part) : undefined;
    if (v4 !== undefined) groups.push(v4 >>> 16, v4 & 0xffff);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const [start, length] = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** The first of the longest runs of zeros (RFC 5952, 4.2). */
function longestZeros(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  let start = 0;
  for (const [i, group] of groups.entries()) {
    if (group !== 0) start = i + 1;
    else if (i + 1 - start > best[1]) best = [start, i + 1 - start];
  }
  return best;
}
