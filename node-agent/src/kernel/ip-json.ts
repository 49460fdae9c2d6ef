import { CausewayError } from '@causeway/shared/errors';
import { BRIDGE, BRIDGE_ALIAS } from '@causeway/shared/names';
import { bitsOf } from '@causeway/shared/net/block';
import type { Family } from '@causeway/shared/net/family';
import type { ObservedRoute } from '../plan/observed.ts';

/** What `ip -json -details -N` says, reduced to what is used. Pure. */
export interface ListedLink {
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
}

export interface ListedTunnel {
  readonly name: string;
  readonly mac: string;
  readonly vni: number;
  readonly port: number;
  readonly local: string;
  readonly device: string;
  readonly learning: boolean;
  readonly gbp: boolean;
}

export type Json = Readonly<Record<string, unknown>>;

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
    return { name: String(item.ifname), mtu: Number(item.mtu), up: flags.includes('UP') };
  });
}

/** A bridge of ours: by its usual name, or by its alias. */
export function isOurBridge({ ifname, ifalias, linkinfo }: Json): boolean {
  const isBridge = isRecord(linkinfo) && linkinfo.info_kind === 'bridge';
  return isBridge && (ifname === BRIDGE || ifalias === BRIDGE_ALIAS);
}

/** With prefix length, of both families, without IPv6 link-local ones; by the name of their link. */
export function addressesOf(items: readonly Json[]): ReadonlyMap<string, readonly string[]> {
  const listed = items.filter(hasName).map((item) => {
    const all = Array.isArray(item.addr_info) ? item.addr_info.filter(isRecord) : [];
    const kept = all.filter((one) => one.family === 'inet' || String(one.scope) !== SCOPE_LINK);
    return [String(item.ifname), kept.map((one) => `${one.local}/${one.prefixlen}`)] as const;
  });
  return new Map(listed);
}

/** The VXLAN devices. */
export function tunnelsOf(items: readonly Json[]): readonly ListedTunnel[] {
  return items.filter(hasName).flatMap((item) => {
    const info = isRecord(item.linkinfo) ? item.linkinfo : {};
    if (info.info_kind !== 'vxlan' || !isRecord(info.info_data)) return [];
    const { id, port, local, local6, link, learning, gbp } = info.info_data;
    return {
      name: String(item.ifname),
      mac: String(item.address),
      vni: Number(id),
      port: Number(port),
      local: String(local ?? local6 ?? ''),
      device: String(link ?? ''),
      learning: learning === true,
      gbp: gbp === true,
    };
  });
}

/** Permanent neighbours with a link-layer address. */
export function neighboursOf(
  items: readonly Json[],
): readonly { readonly link: string; readonly address: string; readonly mac: string }[] {
  return items
    .filter((item) => typeof item.lladdr === 'string')
    .map((item) => ({ link: String(item.dev), address: String(item.dst), mac: String(item.lladdr) }));
}

/** What `bridge -json fdb show` says of one VXLAN device: permanent entries that lead somewhere. */
export function forwardingOf(
  items: readonly Json[],
): readonly { readonly mac: string; readonly remote: string }[] {
  return items
    .filter((item) => item.state === 'permanent' && typeof item.dst === 'string')
    .map((item) => ({ mac: String(item.mac), remote: `${item.dst}${oddities(item)}` }));
}

/** An entry with a port, a VNI or a link of its own leads elsewhere than one without. */
function oddities(item: Json): string {
  const named = ['port', 'vni', 'src_vni', 'viaIf', 'viaIfIndex'].filter((name) => item[name] !== undefined);
  return named.map((name) => ` ${name} ${item[name]}`).join('');
}

/**
 * Of both families, of the main table only.
 *
 * @param protocol what the listing was filtered by; `ip` leaves it out then
 */
export function routesOf(items: readonly Json[], protocol?: number): readonly ObservedRoute[] {
  const routes: ObservedRoute[] = [];
  for (const item of items) {
    const { dst, gateway, dev, flags, type, metric, table = MAIN_TABLE } = item;
    if (typeof dst !== 'string' || String(table) !== MAIN_TABLE) continue;
    const family = `${dst}${gateway ?? ''}`.includes(':') ? 'ipv6' : 'ipv4';
    routes.push({
      family,
      destination: withLength(dst, family),
      type: ROUTE_TYPES[String(type ?? '1')] ?? String(type),
      protocol: protocol ?? Number(item.protocol),
      metric: Number(metric ?? 0),
      ...(typeof gateway === 'string' ? { gateway } : {}),
      ...(typeof dev === 'string' ? { device: dev } : {}),
      ...(Array.isArray(flags) && flags.includes('onlink') ? { onlink: true } : {}),
    });
  }
  return routes;
}

/** `ip -N` shows tables as numbers. */
export const MAIN_TABLE = '254';
/** `ip -N` shows scopes as numbers. */
const SCOPE_LINK = '253';

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

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `ip` lists an empty object for each link that a filter left out. */
export function hasName(item: Json): boolean {
  return typeof item.ifname === 'string';
}

function withLength(destination: string, family: Family): string {
  if (destination === 'default') return family === 'ipv4' ? '0.0.0.0/0' : '::/0';
  return destination.includes('/') ? destination : `${destination}/${bitsOf(family)}`;
}
