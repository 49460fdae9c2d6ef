import { existsSync } from 'node:fs';
import { ROUTE_PROTOCOL, TUNNEL_PREFIXES } from '@causeway/shared/names';
import type { Family } from '@causeway/shared/net/family';
import type { ObservedBridge, ObservedNetwork, ObservedRoute, ObservedTunnel } from '../plan/observed.ts';
import { bridgeShow, ipShow } from './ip.ts';
import {
  addressesOf,
  forwardingOf,
  type Json,
  linksOf,
  neighboursOf,
  routesOf,
  tunnelsOf,
} from './ip-json.ts';
import type { NetworkLook } from './kernel.ts';
import { readSysctls } from './sysctl.ts';

/** A kernel without IPv6 has no such file. */
export const IPV6_FILE = '/proc/net/if_inet6';

/** One process for links, addresses, neighbours and IPv4, one for IPv6, one for tunnels if there are any. */
export async function observeNetwork(look: NetworkLook): Promise<ObservedNetwork> {
  const links = ['address show type bridge', 'address show type vxlan', 'neighbour show nud permanent'];
  const listV4 = routeCommands(look, 'ipv4');
  const [[bridges = [], vxlans = [], neighbours = [], ...v4], v6, sysctls] = await Promise.all([
    ipShow([...links, ...listV4]),
    existsSync(IPV6_FILE) ? ipShow(routeCommands(look, 'ipv6'), 'ipv6') : [],
    readSysctls(look.sysctls),
  ]);
  const bridge = bridgeOf(look.bridge, bridges);
  return {
    routes: [...listed(v4, 'ipv4'), ...listed(v6, 'ipv6')],
    tunnels: await tunnelsIn(vxlans, neighbours),
    sysctls,
    ...(bridge === undefined ? {} : { bridge }),
  };
}

/** All routes of ours of one family, as a command and its answer. */
export const OUR_ROUTES = `route show table main proto ${ROUTE_PROTOCOL}`;

/** @returns whether it is the name of a tunnel device of ours */
export function isTunnel(link: string): boolean {
  return Object.values(TUNNEL_PREFIXES).some((prefix) => link.startsWith(prefix));
}

/** Ours first, then everybody's inside the container network. */
function routeCommands({ networks }: NetworkLook, family: Family): readonly string[] {
  const network = networks[family];
  return [OUR_ROUTES, ...(network === undefined ? [] : [`route show table main root ${network}`])];
}

function listed(
  [ours = [], inside = []]: readonly (readonly Json[])[],
  family: Family,
): readonly ObservedRoute[] {
  const foreign = routesOf(inside, family).filter((route) => route.protocol !== ROUTE_PROTOCOL);
  return [...routesOf(ours, family, ROUTE_PROTOCOL), ...foreign];
}

function bridgeOf(name: string, items: readonly Json[]): ObservedBridge | undefined {
  const link = linksOf(items).find((one) => one.name === name);
  if (link === undefined) return undefined;
  return { mtu: link.mtu, up: link.up, addresses: addressesOf(items).get(name) ?? [] };
}

async function tunnelsIn(
  items: readonly Json[],
  listedNeighbours: readonly Json[],
): Promise<readonly ObservedTunnel[]> {
  const tunnels = tunnelsOf(items).filter(({ name }) => isTunnel(name));
  if (tunnels.length === 0) return [];
  const [links, addresses] = [linksOf(items), addressesOf(items)];
  const neighbours = neighboursOf(listedNeighbours);
  const forwarding = await bridgeShow(tunnels.map(({ name }) => `fdb show dev ${name}`));
  return tunnels.map((tunnel, i) => {
    const link = links.find((one) => one.name === tunnel.name);
    return {
      ...tunnel,
      mtu: link?.mtu ?? 0,
      up: link?.up === true,
      addresses: addresses.get(tunnel.name) ?? [],
      neighbours: neighbours
        .filter((one) => one.link === tunnel.name)
        .map(({ address, mac }) => ({ address, mac })),
      forwarding: forwardingOf(forwarding[i] ?? []),
    };
  });
}
