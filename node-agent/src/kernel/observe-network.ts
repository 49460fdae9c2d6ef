import { ROUTE_PROTOCOL } from '@causeway/shared/names';
import { entriesOf } from '@causeway/shared/net/family';
import type { ObservedBridge, ObservedNetwork, ObservedTunnel } from '../plan/observed.ts';
import { isTunnel } from '../plan/tunnels.ts';
import { bridgeShow, ipShow } from './ip.ts';
import {
  addressesOf,
  forwardingOf,
  isOurBridge,
  type Json,
  linksOf,
  neighboursOf,
  routesOf,
  tunnelsOf,
} from './ip-json.ts';
import type { NetworkLook } from './kernel.ts';
import { readSysctls } from './sysctl.ts';

/** All routes of ours of both families: a listing of all tables is one of all families. */
export const OUR_ROUTES = `route show table all proto ${ROUTE_PROTOCOL}`;

/** One process for links, addresses, neighbours and routes of both families, one for tunnels if there are any. */
export async function observeNetwork(look: NetworkLook): Promise<ObservedNetwork> {
  const inside = entriesOf(look.networks).map(([, network]) => `route show table all root ${network}`);
  const [[bridges = [], vxlans = [], neighbours = [], marked = [], ...all], sysctls] = await Promise.all([
    ipShow([
      'address show type bridge',
      'address show type vxlan',
      'neighbour show nud permanent',
      OUR_ROUTES,
      ...inside,
    ]),
    readSysctls(look.sysctls),
  ]);
  const ours = bridgesOf(bridges.filter(isOurBridge));
  const bridge = ours.get(look.bridge);
  const former = [...ours].flatMap(([name, one]) => (name === look.bridge ? [] : [{ name, ...one }]));
  const foreign = all.flatMap((items) => routesOf(items.filter(isForeign)));
  return {
    routes: [...routesOf(marked, ROUTE_PROTOCOL), ...foreign],
    tunnels: await tunnelsIn(vxlans, neighbours),
    sysctls,
    ...(bridge === undefined ? {} : { bridge }),
    ...(former.length === 0 ? {} : { formerBridges: former }),
  };
}

function isForeign({ protocol }: Json): boolean {
  return Number(protocol) !== ROUTE_PROTOCOL;
}

function bridgesOf(items: readonly Json[]): ReadonlyMap<string, ObservedBridge> {
  const addresses = addressesOf(items);
  return new Map(
    linksOf(items).map(({ name, mtu, up }) => [name, { mtu, up, addresses: addresses.get(name) ?? [] }]),
  );
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
