import { CausewayError } from '@causeway/shared/errors';
import { bitsOf } from '@causeway/shared/net/block';
import type { Family } from '@causeway/shared/net/family';
import type { ObservedRoute } from '../plan/observed.ts';

/** What `ip -json -details -N` says, reduced to what is used. Pure. */
export interface ListedLink {
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly loopback: boolean;
}

export interface ListedAddress {
  readonly family: Family;
  readonly link: string;
  readonly mtu: number;
  readonly address: string;
  readonly prefixLength: number;
  /** Not the first of its network on the link. */
  readonly secondary: boolean;
  readonly linkLocal: boolean;
  /** IPv6: made for privacy, soon gone; not to be used any more; not yet known to be nobody else's, or known not to be. */
  readonly temporary: boolean;
  readonly deprecated: boolean;
  readonly tentative: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Splits the output of `ip -json -batch` into one array per command.
 *
 * @throws CausewayError `unreadable` when it is not that many JSON arrays
 */
export function parseBatch(output: string, commands: number): readonly (readonly Json[])[] {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  if (lines.length !== commands)
    throw new CausewayError(
      'unreadable',
      `reading \`ip -batch\`: ${lines.length} answers to ${commands} commands`,
    );
  return lines.map(parseLine);
}

export function linksOf(items: readonly Json[]): readonly ListedLink[] {
  return items.filter(hasName).map((item) => {
    const flags = Array.isArray(item.flags) ? item.flags : [];
    return {
      name: String(item.ifname),
      mtu: Number(item.mtu),
      up: flags.includes('UP'),
      loopback: flags.includes('LOOPBACK'),
    };
  });
}

/** Of both families. */
export function addressesOf(items: readonly Json[]): readonly ListedAddress[] {
  return items.filter(hasName).flatMap((item) => {
    const listed = Array.isArray(item.addr_info) ? item.addr_info.filter(isRecord) : [];
    return listed.flatMap((one) => {
      const family = FAMILY_OF[String(one.family)];
      return family === undefined ? [] : [addressOf(item, one, family)];
    });
  });
}

/**
 * @param family of the listing
 * @param protocol what the listing was filtered by; `ip` leaves it out then
 */
export function routesOf(
  items: readonly Json[],
  family: Family,
  protocol?: number,
): readonly ObservedRoute[] {
  return items
    .filter((item) => typeof item.dst === 'string')
    .map((item) => ({
      family,
      destination: withLength(String(item.dst), family),
      type: ROUTE_TYPES[String(item.type ?? '1')] ?? String(item.type),
      protocol: protocol ?? Number(item.protocol),
      metric: Number(item.metric ?? 0),
      ...(typeof item.gateway === 'string' ? { gateway: item.gateway } : {}),
      ...(typeof item.dev === 'string' ? { device: item.dev } : {}),
      ...(Array.isArray(item.flags) && item.flags.includes('onlink') ? { onlink: true } : {}),
    }));
}

const FAMILY_OF: Readonly<Record<string, Family>> = { inet: 'ipv4', inet6: 'ipv6' };
/** `ip -N` shows scopes as numbers. */
const SCOPE_LINK = '253';

function addressOf(item: Json, one: Json, family: Family): ListedAddress {
  return {
    family,
    link: String(item.ifname),
    mtu: Number(item.mtu),
    address: String(one.local),
    prefixLength: Number(one.prefixlen),
    secondary: one.secondary === true,
    linkLocal: family === 'ipv6' && String(one.scope) === SCOPE_LINK,
    temporary: one.temporary === true,
    deprecated: one.deprecated === true,
    tentative: one.tentative === true || one.dadfailed === true,
  };
}

/** `ip -N` shows the types of routes as numbers too. */
const ROUTE_TYPES: Readonly<Record<string, string>> = {
  '1': 'unicast',
  '2': 'local',
  '6': 'blackhole',
  '7': 'unreachable',
  '8': 'prohibit',
  '9': 'throw',
};

function parseLine(line: string): readonly Json[] {
  try {
    const parsed: unknown = JSON.parse(line);
    if (Array.isArray(parsed)) return parsed.filter(isRecord);
  } catch (cause) {
    throw new CausewayError('unreadable', 'reading `ip -json`: its answer is no JSON', { cause });
  }
  throw new CausewayError('unreadable', 'reading `ip -json`: its answer is no array');
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `ip` lists an empty object for each link that a filter left out. */
function hasName(item: Json): boolean {
  return typeof item.ifname === 'string';
}

function withLength(destination: string, family: Family): string {
  if (destination === 'default') return family === 'ipv4' ? '0.0.0.0/0' : '::/0';
  return destination.includes('/') ? destination : `${destination}/${bitsOf(family)}`;
}
