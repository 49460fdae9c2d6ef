import { CausewayError } from '@causeway/shared/errors';
import type { ObservedRoute } from '../plan/observed.ts';

/** What `ip -json -details -N` says, reduced to what is used. Pure. */
export interface ListedLink {
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly loopback: boolean;
}

export interface ListedAddress {
  readonly link: string;
  readonly mtu: number;
  readonly address: string;
  readonly prefixLength: number;
  readonly secondary: boolean;
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

export function addressesOf(items: readonly Json[]): readonly ListedAddress[] {
  return items.filter(hasName).flatMap((item) => {
    const listed = Array.isArray(item.addr_info) ? item.addr_info.filter(isRecord) : [];
    return listed
      .filter((one) => one.family === 'inet')
      .map((one) => ({
        link: String(item.ifname),
        mtu: Number(item.mtu),
        address: String(one.local),
        prefixLength: Number(one.prefixlen),
        secondary: one.secondary === true,
      }));
  });
}

/** @param protocol what the listing was filtered by; `ip` leaves it out then */
export function routesOf(items: readonly Json[], protocol?: number): readonly ObservedRoute[] {
  return items
    .filter((item) => typeof item.dst === 'string')
    .map((item) => ({
      destination: withLength(String(item.dst)),
      type: ROUTE_TYPES[String(item.type ?? '1')] ?? String(item.type),
      protocol: protocol ?? Number(item.protocol),
      metric: Number(item.metric ?? 0),
      ...(typeof item.gateway === 'string' ? { gateway: item.gateway } : {}),
      ...(typeof item.dev === 'string' ? { device: item.dev } : {}),
    }));
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

function withLength(destination: string): string {
  if (destination === 'default') return '0.0.0.0/0';
  return destination.includes('/') ? destination : `${destination}/32`;
}
