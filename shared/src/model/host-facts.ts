import type { ByFamily } from '../net/family.ts';

/** What the host itself says, read once by the effects layer and handed to the planner as input. */
export interface HostFacts extends ByFamily<FamilyFacts> {
  readonly name: string;
  readonly id: string;
  /** The link on the hosts' network. */
  readonly iface: string;
  /** Name of the bridge that containers hang on. Absent: the usual one. */
  readonly bridge?: string;
  /** Bytes. */
  readonly mtu: number;
  /** The link's `accept_ra`, 0 to 2: with 1, switching on IPv6 forwarding would make the host deaf to its router. */
  readonly acceptRa?: number;
  /** Other links that lead to a router which the host has learnt of by its advertisements; sorted. Absent: none. */
  readonly routerLinks?: readonly string[];
}

/** The host's address on that link, in one family; a family that the link has no global address of is absent. */
export interface FamilyFacts {
  readonly publicIp: string;
  /** CIDR of the hosts' network on that link: `192.168.122.0/24`. A peer with a plain route must be inside. */
  readonly network: string;
}
