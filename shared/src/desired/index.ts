import type { HostFacts } from '../model/host-facts.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { bridgeIntent } from './bridge.ts';
import { firewallIntent } from './firewall.ts';
import type { DesiredHost, OwnSubnets } from './host.ts';
import { peerRoutes } from './routes.ts';
import { wantedSysctls } from './sysctls.ts';

/**
 * What this host's kernel should hold. Whatever in the snapshot makes no sense is left out and told in
 * `problems`; it never takes anything else away.
 *
 * @param ownSubnet the subnet that this host leases, CIDR
 * @throws CausewayError `invalid` when `ownSubnet` or the configured network is no CIDR
 */
export function desiredHost(snapshot: Snapshot, facts: HostFacts, own: OwnSubnets): DesiredHost {
  const peers = peerRoutes(snapshot.leases, snapshot.config, facts, ownSubnet);
  const firewall = firewallIntent(snapshot, facts, ownSubnet);
  return {
    bridge: bridgeIntent(ownSubnet, facts),
    routes: peers.routes,
    sysctls: wantedSysctls(facts),
    firewall: firewall.intent,
    peers: peers.peers,
    problems: [...peers.problems, ...firewall.problems],
  };
}
