import type { Dataplane } from '@causeway/shared/model/dataplane';

/** A program that holds packet filter rules: nftables has one, iptables comes in two variants that do not see each other. */
export type FirewallTool = 'nft' | 'iptables-nft' | 'iptables-legacy';

export function dataplaneOf(tool: FirewallTool): Dataplane {
  return tool === 'nft' ? 'nftables' : 'iptables';
}

/** One IPv4 route of the main table, as the kernel lists it. */
export interface ObservedRoute {
  /** `10.10.2.0/24`; a host route has `/32`. */
  readonly destination: string;
  /** `unicast`, `blackhole`, `unreachable`… */
  readonly type: string;
  /** Absent: the destination is on the link itself, or there are several next hops. */
  readonly gateway?: string;
  readonly device?: string;
  /** Number of the routing protocol: 88 ours, 2 the kernel's own, 3 an administrator's. */
  readonly protocol: number;
  /** 0 when the kernel names none; the lowest wins. */
  readonly metric: number;
}

export interface ObservedBridge {
  readonly mtu: number;
  readonly up: boolean;
  /** IPv4, with prefix length. */
  readonly addresses: readonly string[];
}

/** Links, addresses, routes and sysctls. */
export interface ObservedNetwork {
  /** Absent: there is no bridge of that name. */
  readonly bridge?: ObservedBridge;
  /** All routes of ours, and everybody's routes inside the container network, in the kernel's order. */
  readonly routes: readonly ObservedRoute[];
  /** By path below /proc/sys; undefined where the kernel has no such file. */
  readonly sysctls: Readonly<Record<string, string | undefined>>;
}

export interface FirewallListing {
  readonly tool: FirewallTool;
  /** What the tool lists of ours, in the form that `Ruleset.drift` and `Ruleset.clean` read. */
  readonly listing: string;
}

export interface ObservedFirewall extends FirewallListing {
  /** The other tools that hold something of ours. */
  readonly leftovers: readonly FirewallListing[];
}

/** What a host's kernel holds. A part that is absent was not looked at, and gets no steps. */
export interface Observed {
  readonly network?: ObservedNetwork;
  readonly firewall?: ObservedFirewall;
}
