import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { Family } from '@causeway/shared/net/family';

/** A program that holds packet filter rules: nftables has one, iptables comes in two variants that do not see each other. */
export type FirewallTool = 'nft' | 'iptables-nft' | 'iptables-legacy';

export function dataplaneOf(tool: FirewallTool): Dataplane {
  return tool === 'nft' ? 'nftables' : 'iptables';
}

/** One route of the main table, as the kernel lists it. */
export interface ObservedRoute {
  readonly family: Family;
  /** `10.10.2.0/24`; a host route has `/32` or `/128`. */
  readonly destination: string;
  /** `unicast`, `blackhole`, `unreachable`… */
  readonly type: string;
  /** Absent: the destination is on the link itself, or there are several next hops. */
  readonly gateway?: string;
  readonly device?: string;
  readonly onlink?: true;
  /** Number of the routing protocol: 88 ours, 2 the kernel's own, 3 an administrator's. */
  readonly protocol: number;
  /** As the kernel lists it; the lowest wins. An IPv6 route that names none has 1024. */
  readonly metric: number;
}

export interface ObservedBridge {
  readonly mtu: number;
  readonly up: boolean;
  /** With prefix length, both families, without link-local ones. */
  readonly addresses: readonly string[];
}

/** A VXLAN device of ours, with what hangs on it. */
export interface ObservedTunnel {
  readonly name: string;
  readonly vni: number;
  readonly port: number;
  readonly local: string;
  readonly device: string;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly learning: boolean;
  readonly gbp: boolean;
  /** With prefix length, without link-local ones. */
  readonly addresses: readonly string[];
  /** Permanent ones. */
  readonly neighbours: readonly { readonly address: string; readonly mac: string }[];
  /** Permanent forwarding entries. */
  readonly forwarding: readonly { readonly mac: string; readonly remote: string }[];
}

/** Links, addresses, routes and sysctls. */
export interface ObservedNetwork {
  /** Absent: there is no bridge of that name. */
  readonly bridge?: ObservedBridge;
  /** Bridges of ours with other names: what hung on them belongs to this one. Absent: none. */
  readonly formerBridges?: readonly (ObservedBridge & { readonly name: string })[];
  readonly tunnels: readonly ObservedTunnel[];
  /** All routes of ours, and everybody's routes inside the container networks, in the kernel's order. */
  readonly routes: readonly ObservedRoute[];
  /** By path below /proc/sys; undefined where the kernel has no such file. */
  readonly sysctls: Readonly<Record<string, string | undefined>>;
}

export interface FirewallListing {
  readonly tool: FirewallTool;
  readonly family: Family;
  /** What the tool lists of ours, in the form that `Ruleset.drift` and `Ruleset.clean` read. */
  readonly listing: string;
}

/** What a host's kernel holds. A part that is absent was not looked at, and gets no steps. */
export interface Observed {
  readonly network?: ObservedNetwork;
  readonly firewall?: ObservedFirewall;
}

export interface ObservedFirewall {
  /** The program that serves the chosen dataplane, in both families. */
  readonly tool: FirewallTool;
  /** Of that tool, one per family that was asked for. */
  readonly listings: readonly FirewallListing[];
  /**
   * Of the other tools, and of this tool in families that were not asked for: what holds something of ours, or (for an
   * iptables) chains of others that would drop forwarded packets.
   */
  readonly others: readonly FirewallListing[];
  /** Why some of the others could not be listed, and what the tool lacks to do all that is asked for; sentences. */
  readonly unlisted?: readonly string[];
}
