import type { RouteIntent } from './host.ts';
import type { Peer } from './peer.ts';

/**
 * One route per peer that can be reached: its subnet by way of its address on the hosts' link (flannel's host-gw), or,
 * through a tunnel, by way of the subnet's first address, which the tunnel's neighbour entry leads on.
 */
export function peerRoutes(peers: readonly Peer[]): readonly RouteIntent[] {
  return peers.map(({ route }) => route).filter((route) => route !== undefined);
}
