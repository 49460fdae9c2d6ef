import { ROUTE_PROTOCOL } from '@causeway/shared/names';
import type { ObservedBridge, ObservedNetwork, ObservedRoute } from '../plan/observed.ts';
import { ipShow } from './ip.ts';
import { addressesOf, linksOf, routesOf } from './ip-json.ts';
import type { NetworkLook } from './kernel.ts';
import { readSysctls } from './sysctl.ts';

/** One process for links, addresses and routes; sysctls are files. */
export async function observeNetwork(look: NetworkLook): Promise<ObservedNetwork> {
  const [[links, addresses, inside, ours], sysctls] = await Promise.all([
    ipShow([
      'link show type bridge',
      'address show',
      `route show table main root ${look.network}`,
      `route show table main proto ${ROUTE_PROTOCOL}`,
    ]),
    readSysctls(look.sysctls),
  ]);
  const bridge = bridgeOf(look.bridge, links ?? [], addresses ?? []);
  const routes = distinct([...routesOf(inside ?? []), ...routesOf(ours ?? [], ROUTE_PROTOCOL)]);
  return { routes, sysctls, ...(bridge === undefined ? {} : { bridge }) };
}

type Items = Parameters<typeof linksOf>[0];

function bridgeOf(name: string, links: Items, addresses: Items): ObservedBridge | undefined {
  const link = linksOf(links).find((one) => one.name === name);
  if (link === undefined) return undefined;
  const own = addressesOf(addresses).filter((one) => one.link === name);
  return { mtu: link.mtu, up: link.up, addresses: own.map((one) => `${one.address}/${one.prefixLength}`) };
}

/** A route of ours inside the container network is listed by both commands. */
function distinct(routes: readonly ObservedRoute[]): readonly ObservedRoute[] {
  const keyOf = (r: ObservedRoute) =>
    [r.destination, r.type, r.gateway, r.device, r.protocol, r.metric].join(' ');
  return [...new Map(routes.map((route) => [keyOf(route), route])).values()];
}
