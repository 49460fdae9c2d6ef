import type { HostFacts } from '../model/host-facts.ts';
import type { LocalContainers } from '../model/local-containers.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { bridgeIntent } from './bridge.ts';
import { firewallIntents } from './firewall.ts';
import { readHere } from './here.ts';
import type { DesiredHost, OwnSubnets } from './host.ts';
import { containersMtu, mtuProblems } from './mtu.ts';
import { peersOf } from './peers.ts';
import { peerRoutes } from './routes.ts';
import { wantedSysctls } from './sysctls.ts';
import { tunnelsOf } from './tunnels.ts';

/**
 * What this host's kernel should hold. Whatever in the snapshot makes no sense is left out and told in
 * `problems`; it never takes anything else away.
 *
 * @param own the subnets that this host leases; none while it waits for one, or was fenced
 * @param local containers that are here, with their addresses on the bridge; absent: none has any
 * @throws CausewayError `invalid` when an own subnet, the configured network or an address of the host is none
 */
export function desiredHost(
  snapshot: Snapshot,
  facts: HostFacts,
  own: OwnSubnets,
  local?: LocalContainers,
): DesiredHost {
  const { config, leases } = snapshot;
  const here = readHere(config, facts, own);
  const peers = peersOf(leases, here);
  const tunnels = tunnelsOf(here, facts, peers.all);
  const firewalls = firewallIntents(snapshot, facts, own, local);
  return {
    bridge: bridgeIntent(own, containersMtu(here, facts), facts.bridge),
    tunnels,
    routes: peerRoutes(peers.all),
    sysctls: wantedSysctls(config, facts, own, tunnels),
    firewalls: firewalls.intents,
    peers: peers.all.map(({ intent }) => intent),
    problems: [...mtuProblems(here, facts), ...peers.problems, ...firewalls.problems],
  };
}
