import type { HostFacts } from '../model/host-facts.ts';
import type { NetworkConfig } from '../model/network.ts';
import { BRIDGE } from '../names.ts';
import type { OwnSubnets, TunnelIntent } from './host.ts';

type Sysctls = Readonly<Record<string, string>>;

/**
 * What the kernel must be told besides links, routes and rules; in the order in which it must be told.
 *
 * `rp_filter` is left alone: a reply's source is translated back after the route is looked up, so even the
 * strict mode sees addresses that belong to the link. `route_localnet` stays off (CVE-2020-8558).
 */
export function wantedSysctls(
  config: NetworkConfig,
  facts: HostFacts,
  own: OwnSubnets,
  tunnels: readonly TunnelIntent[],
): Sysctls {
  const carriers = [
    ...(own.ipv6 === undefined ? [] : [facts.bridge ?? BRIDGE]),
    ...tunnels.filter(({ family }) => family === 'ipv6').map(({ name }) => name),
  ];
  return {
    ...(config.ipv4 === undefined ? {} : ipv4(facts)),
    ...(config.ipv6 === undefined ? {} : ipv6(facts, carriers)),
  };
}

function ipv4(facts: HostFacts): Sysctls {
  return {
    'net/ipv4/ip_forward': '1',
    // Without it, a reply between two containers of one bridge bypasses the translation of a VIP.
    'net/bridge/bridge-nf-call-iptables': '1',
    // A client on the hosts' network whose VIP is served by another host would be told to go there directly,
    // and its connection, masqueraded here, would end. The kernel redirects when either of the two is set.
    'net/ipv4/conf/all/send_redirects': '0',
    [`net/ipv4/conf/${facts.iface}/send_redirects`]: '0',
  };
}

/** @param carriers links of ours with an address, or routes, of IPv6 */
function ipv6(facts: HostFacts, carriers: readonly string[]): Sysctls {
  const { iface, acceptRa = 0, routerLinks = [] } = facts;
  // A host that learns nothing of routers (0) is left at that.
  const listening = [...(acceptRa === 0 ? [] : [iface]), ...routerLinks];
  return {
    // Before forwarding: the kernel forgets the routers that it has learnt of on every link where this is not 2, and
    // with 1 it would hear of none again.
    ...Object.fromEntries(listening.map((link) => [`net/ipv6/conf/${link}/accept_ra`, '2'])),
    'net/ipv6/conf/all/forwarding': '1',
    'net/bridge/bridge-nf-call-ip6tables': '1',
    // Some distributions switch IPv6 off by default; these links would take neither address nor route.
    ...Object.fromEntries(carriers.map((link) => [`net/ipv6/conf/${link}/disable_ipv6`, '0'])),
  };
}
