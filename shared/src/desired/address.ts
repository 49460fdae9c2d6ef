import { formatIp, type Ip, isMapped, parseIp } from '../net/block.ts';
import { parseAddress } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';

/**
 * An address as a number: IPv4 is compared often enough to deserve a plain one, IPv6 has a big one. Two of one family
 * compare with each other.
 */
export type Address = number | bigint;

/** @returns undefined when it is none that a rule can hold */
export function addressOf(text: string): Address | undefined {
  const v4 = parseAddress(text);
  if (v4 !== undefined) return v4;
  const ip = parseIp(text);
  return ip === undefined || isMapped(ip) ? undefined : ip.value;
}

export function numberOf({ family, value }: Ip): Address {
  return family === 'ipv4' ? Number(value) : value;
}

export function familyOfAddress(address: Address): Family {
  return typeof address === 'number' ? 'ipv4' : 'ipv6';
}

/** IPv6 has many spellings of one address, IPv4 has one. */
export function canonicalText(text: string, address: Address): string {
  return typeof address === 'bigint' ? formatIp({ family: 'ipv6', value: address }) : text;
}

/** One number orders by address, then by port. */
export function placeOf(address: Address, port: number): Address {
  return typeof address === 'number' ? address * 65536 + port : address * 65536n + BigInt(port);
}
