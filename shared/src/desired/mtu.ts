import type { HostFacts } from '../model/host-facts.ts';
import type { Tunnel } from '../model/network.ts';
import { entriesOf, type Family } from '../net/family.ts';
import type { Here } from './here.ts';

/**
 * What VXLAN puts around a packet, bytes: the inner Ethernet header (14), VXLAN (8), UDP (8), and the outer IP header
 * (20 or 40); the outer Ethernet header does not count (RFC 7348, section 5).
 */
const OVERHEAD: Readonly<Record<Family, number>> = { ipv4: 50, ipv6: 70 };
/** The smallest that IPv6 works with (RFC 8200, section 5): below it the kernel switches IPv6 off on a link. */
const IPV6_LEAST = 1280;

/**
 * MTU of a tunnel's device, bytes. What the configuration says of the hosts' link cannot make the link larger than it is.
 *
 * @param linkMtu the link's own MTU, bytes
 */
export function tunnelMtu(tunnel: Tunnel, linkMtu: number, family: Family): number {
  return Math.min(tunnel.mtu ?? linkMtu, linkMtu) - OVERHEAD[family];
}

/**
 * MTU of the bridge and of the containers, bytes: the smallest that fits every way that a packet of theirs may take. A
 * packet to a peer on the same link and one to a peer behind the tunnel leave the container alike.
 */
export function containersMtu(here: Here, facts: HostFacts): number {
  const { tunnel } = here.backend;
  if (tunnel === undefined) return facts.mtu;
  const ways = entriesOf(here.families).flatMap(([family, { tunnel: end }]) =>
    end === undefined ? [] : tunnelMtu(tunnel, facts.mtu, family),
  );
  return Math.min(facts.mtu, ...ways);
}

/** What is wrong with the sizes, sentences. */
export function mtuProblems(here: Here, facts: HostFacts): readonly string[] {
  const configured = here.backend.tunnel?.mtu ?? 0;
  const mtu = containersMtu(here, facts);
  return [
    configured > facts.mtu
      ? `the configured MTU ${configured} is more than the ${facts.mtu} of this host's link ${facts.iface}, which is counted with`
      : [],
    here.families.ipv6 !== undefined && mtu < IPV6_LEAST
      ? `the containers' MTU is ${mtu}, and IPv6 needs ${IPV6_LEAST}`
      : [],
  ].flat();
}
