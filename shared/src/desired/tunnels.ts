import type { HostFacts } from '../model/host-facts.ts';
import { bitsOf, formatIp, nthOfBlock } from '../net/block.ts';
import { entriesOf, type Family } from '../net/family.ts';
import type { Here } from './here.ts';
import type { NeighbourIntent, TunnelIntent } from './host.ts';
import { tunnelMtu } from './mtu.ts';
import type { Peer } from './peer.ts';

/**
 * One VXLAN device per family of the outer packets, with an entry for each peer behind it, as flannel builds it. It is
 * there without such peers too: others may reach this host through it.
 */
export function tunnelsOf(here: Here, facts: HostFacts, peers: readonly Peer[]): readonly TunnelIntent[] {
  const { backend, iface } = here;
  return entriesOf(here.families).flatMap(([family, { subnet, link, tunnel }]) => {
    if (backend.tunnel === undefined || tunnel === undefined || link === undefined) return [];
    const { vni, port, learning, gbp } = backend.tunnel;
    const first = subnet === undefined ? undefined : formatIp(nthOfBlock(subnet.block, 0));
    return {
      ...{ name: tunnel.name, family, vni, port, local: link.publicIp, device: iface, mac: tunnel.mac },
      ...{ mtu: tunnelMtu(backend.tunnel, facts.mtu, family), learning, gbp },
      ...(first === undefined ? {} : { address: `${first}/${bitsOf(family)}` }),
      neighbours: neighboursOf(peers, family),
    };
  });
}

function neighboursOf(peers: readonly Peer[], family: Family): readonly NeighbourIntent[] {
  const behind = peers.filter(({ intent, neighbour }) => neighbour !== undefined && intent.family === family);
  return behind.map(({ neighbour }) => neighbour).filter((neighbour) => neighbour !== undefined);
}
