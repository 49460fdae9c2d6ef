import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CausewayError, invalid } from '@causeway/shared/errors';
import { canonicalIp, parseIp } from '@causeway/shared/net/block';
import { run } from '@causeway/shared/programs/run';
import { chooseHost, type HostAddress, type HostListing } from './choose-host.ts';
import { ipShow } from './ip.ts';
import { hasName, isOurBridge, isRecord, type Json, linksOf, MAIN_TABLE, parseBatch } from './ip-json.ts';
import type { FactsRequest, HostInfo } from './kernel.ts';

/** Exit codes of `ip` for a refusal: no route to the address, say. */
const REFUSED = [1, 2, 255];
/** Scope numbers of rtnetlink(7): of this host, of this link. */
const LOCAL_SCOPES = ['254', '253'];
/** The protocol of routes that routers have advertised, rtnetlink(7). */
const ADVERTISED = 9;
/** A route without a metric is an IPv4 one and comes before all others. */
const NO_METRIC = 0;

/**
 * The host's name, link and addresses, by `chooseHost` from what the kernel lists.
 *
 * @throws CausewayError as `chooseHost`; `command-failed` when `ip` cannot be run
 */
export async function readHost(request: FactsRequest): Promise<HostInfo> {
  const { listing, routers, foreign } = await readListing(request);
  if (foreign !== undefined)
    throw invalid(
      '--bridge',
      foreign,
      'is a link of this host that Causeway did not make: choose another name',
    );
  const info = chooseHost(request, listing);
  const { iface } = info.facts;
  const acceptRa = await readAcceptRa(iface);
  const routerLinks = [...new Set(routers)].filter((link) => link !== iface).sort();
  const heard = {
    ...(acceptRa === undefined ? {} : { acceptRa }),
    ...(routerLinks.length === 0 ? {} : { routerLinks }),
  };
  return { ...info, facts: { ...info.facts, ...heard } };
}

interface Listed {
  readonly listing: HostListing;
  /** Links of the default routes that were learnt from routers. */
  readonly routers: readonly string[];
  /** The bridge's name, when somebody else's link has it. */
  readonly foreign?: string;
}

async function readListing({ canReach, bridge }: FactsRequest): Promise<Listed> {
  const [[addresses = [], routes = []], reach] = await Promise.all([
    // Of all tables, since only then `ip` lists both families at once.
    ipShow(['address show', 'route show table all default']),
    canReach === undefined ? undefined : routeTo(canReach),
  ]);
  const defaults = routes.filter(({ table }) => String(table) === MAIN_TABLE);
  const [fourth, sixth] = [defaults.filter((route) => !isIpv6(route)), defaults.filter(isIpv6)];
  return {
    listing: {
      links: linksOf(addresses),
      addresses: addressesOf(addresses),
      defaults: [...devicesOf(fourth), ...devicesOf(sixth)],
      ...(reach === undefined ? {} : { reach }),
    },
    ...(isForeign(addresses, bridge) ? { foreign: bridge } : {}),
    routers: devicesOf(sixth.filter(({ protocol }) => Number(protocol) === ADVERTISED)),
  };
}

function isForeign(links: readonly Json[], bridge: string | undefined): bridge is string {
  const found = links.find(({ ifname }) => ifname === bridge);
  return bridge !== undefined && found !== undefined && !isOurBridge(found);
}

/** What the kernel would do with a packet to that address; undefined: refuse it. */
async function routeTo(address: string): Promise<HostListing['reach']> {
  const flag = parseIp(address)?.family === 'ipv6' ? '-6' : '-4';
  const args = [flag, '-N', '-json', 'route', 'get', address];
  const { exitCode, stdout } = await run('ip', args, {
    doing: `finding the way to ${address}`,
    okCodes: REFUSED,
  });
  const route = exitCode === 0 ? parseBatch(oneLine(stdout), 1)[0]?.[0] : undefined;
  if (typeof route?.dev !== 'string') return undefined;
  return { link: route.dev, ...(typeof route.prefsrc === 'string' ? { source: route.prefsrc } : {}) };
}

/** The link's own setting; undefined without IPv6. */
async function readAcceptRa(link: string): Promise<number | undefined> {
  const text = await readFile(join('/proc/sys/net/ipv6/conf', link, 'accept_ra'), 'utf8').catch(() => '');
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

/** The addresses of `ip -json -details -N address show`, both families. Pure. */
export function addressesOf(items: readonly Json[]): readonly HostAddress[] {
  return items.filter(hasName).flatMap((item) => {
    const listed: readonly unknown[] = Array.isArray(item.addr_info) ? item.addr_info : [];
    return listed.filter(isRecord).flatMap((one): HostAddress[] => {
      const address = canonicalIp(String(one.local));
      const family = one.family === 'inet' ? 'ipv4' : one.family === 'inet6' ? 'ipv6' : undefined;
      if (address === undefined || family === undefined) return [];
      return [
        {
          ...{ link: String(item.ifname), family, address, prefixLength: Number(one.prefixlen) },
          ...{ use: useOf(one), secondary: family === 'ipv4' && one.secondary === true },
        },
      ];
    });
  });
}

/** `ip` marks a temporary IPv6 address as `temporary`, older ones of them as `secondary`. */
function useOf(one: Json): HostAddress['use'] {
  if (LOCAL_SCOPES.includes(String(one.scope))) return 'local';
  const marks = ['temporary', 'deprecated', 'tentative', 'dadfailed'];
  const isPassing =
    marks.some((mark) => one[mark] === true) || (one.family === 'inet6' && one.secondary === true);
  return isPassing ? 'passing' : 'usable';
}

/** Links of routes, the best route first. */
function devicesOf(routes: readonly Json[]): readonly string[] {
  const metric = (route: Json) => Number(route.metric ?? NO_METRIC);
  const sorted = routes.toSorted((a, b) => metric(a) - metric(b));
  return sorted
    .flatMap((route) => [route, ...hopsOf(route)])
    .flatMap(({ dev }) => (typeof dev === 'string' ? [dev] : []));
}

/** A route by several links has them in a list. */
function hopsOf({ nexthops }: Json): readonly Json[] {
  return Array.isArray(nexthops) ? nexthops.filter(isRecord) : [];
}

/** A default route does not say its family; but only IPv6 has preferences of routers (RFC 4191), and always. */
function isIpv6({ pref }: Json): boolean {
  return pref !== undefined;
}

/** `ip` without -batch may spread its answer over lines. */
function oneLine(text: string): string {
  if (text.trim() === '')
    throw new CausewayError('unreadable', 'reading `ip route get`: it answered nothing');
  return text.replaceAll('\n', ' ');
}
