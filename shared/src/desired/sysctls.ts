import type { HostFacts } from '../model/host-facts.ts';

/**
 * What the kernel must be told besides links, routes and rules.
 *
 * `rp_filter` is left alone: a reply's source is translated back after the route is looked up, so even the
 * strict mode sees addresses that belong to the link. `route_localnet` stays off (CVE-2020-8558).
 */
export function wantedSysctls(facts: HostFacts): Readonly<Record<string, string>> {
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
