import { CausewayError, show } from '../errors.ts';
import { formatBlock, formatIp, isMapped, parseBlock, parseIp } from '../net/block.ts';
import { parseAddress } from '../net/cidr.ts';
import { FAMILY_NAMES, type Family } from '../net/family.ts';

/**
 * The last gate before a rule language: every value that enters a rule passes one of these, whatever the
 * API or etcd let through. They throw CausewayError `internal`, since a bad value here is our own fault.
 */
export const safe = { address, cidr, link, port, weight, protocol, mark, id, policy, count };

/** What iptables takes as a rate a second, and as a burst. */
const MAX_COUNT = 10_000;

/** Only in the form in which the kernel lists it (RFC 5952): services are compared by the text. */
function address(value: string, family: Family): string {
  // Values may come from JSON, so a type is no promise. The shorter way is for many services.
  if (family === 'ipv4' && typeof value === 'string' && parseAddress(value) !== undefined) return value;
  const ip = typeof value === 'string' ? parseIp(value) : undefined;
  if (ip?.family !== family || formatIp(ip) !== value || isMapped(ip))
    throw refused('address', value, `is no ${FAMILY_NAMES[family]} address`);
  return value;
}

/** The network is asked for with every service. */
const lastCidr: Partial<Record<Family, { readonly value: string; readonly text: string }>> = {};

/** @returns the block with its host bits zero, as the kernel lists it. */
function cidr(value: string, family: Family): string {
  const last = lastCidr[family];
  if (last?.value === value) return last.text;
  const block = typeof value === 'string' ? parseBlock(value) : undefined;
  if (block?.family !== family || isMapped({ family, value: block.base }))
    throw refused('network', value, `is no ${FAMILY_NAMES[family]} CIDR`);
  const text = formatBlock(block);
  lastCidr[family] = { value, text };
  return text;
}

/** Name of a link. */
function link(value: string): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(value))
    throw refused('bridge', value, 'is no name of a link');
  return value;
}

function port(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 65535)
    throw refused('port', value, 'is not in 1-65535');
  return value;
}

/** It enters no rule itself, but the arithmetic that says how many there are. */
function weight(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 65535)
    throw refused('weight', value, 'is not in 1-65535');
  return value;
}

function protocol(value: string): string {
  if (value !== 'tcp' && value !== 'udp' && value !== 'sctp')
    throw refused('protocol', value, 'is none of tcp, udp, sctp');
  return value;
}

/** @returns `0x2000` */
function mark(value: number): string {
  const bit = value >>> 0;
  if (bit !== value || bit === 0 || (bit & (bit - 1)) >>> 0 !== 0)
    throw refused('mark', value, 'is not one bit of 32');
  return `0x${bit.toString(16)}`;
}

/** A service's id; it appears in comments only. */
function id(value: string): string {
  if (typeof value !== 'string' || !/^[a-z0-9:-]{1,127}$/.test(value))
    throw refused('service id', value, 'holds more than a-z, 0-9, - and :');
  return value;
}

/** A policy intent's id; it is part of names of chains and sets. */
function policy(value: string): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{1,16}$/.test(value))
    throw refused('policy id', value, 'is no hash of at most 16 hexadecimal digits');
  return value;
}

/** Of a rate, or of what may come at once. */
function count(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > MAX_COUNT)
    throw refused('count', value, `is not in 1-${MAX_COUNT}`);
  return value;
}

function refused(field: string, value: unknown, reason: string): CausewayError {
  return new CausewayError('internal', `rendering rules: ${field} ${show(value)} ${reason}`, {
    field,
    value,
  });
}
