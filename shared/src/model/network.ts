import type { ByFamily } from '../net/family.ts';

/**
 * The network configuration as flannel stores it under `<prefix>/config`, completed by flannel's rules, with a few
 * fields more. `ipv4` is there unless EnableIPv4 is false, `ipv6` if EnableIPv6 is true; at least one is.
 */
export interface NetworkConfig extends ByFamily<FamilyNetwork> {
  readonly backend: Backend;
  /** Whether containers that talk to the outside do so with their host's address. Ours: `Masquerade`, default true. */
  readonly masquerade: boolean;
  /** Destinations outside the network that see the containers' own addresses, CIDRs of either family. Ours. */
  readonly nonMasqueradeCidrs: readonly string[];
  /**
   * Ours (`CausewayRenumber`): the fingerprint of the configuration that may renumber hosts. Anything else here, or
   * nothing, confirms nothing (`effective-config.ts`).
   */
  readonly renumber?: string;
}

/** One family's part of the network. */
export interface FamilyNetwork {
  /** The network of all containers, CIDR, host bits zero: `10.10.0.0/16`, `fd00:10::/48`. */
  readonly network: string;
  /** Prefix length of one host's subnet: 24 and 64 unless the network is small. */
  readonly subnetLen: number;
  /** First and last subnet that may be leased, as addresses: `10.10.1.0`, `10.10.255.0`. */
  readonly subnetMin: string;
  readonly subnetMax: string;
}

/** How packets come to another host (flannel's word). */
export interface Backend {
  readonly type: BackendType;
  /** Peers on the same link get a plain route: always with host-gw, with vxlan when `DirectRouting` says so. */
  readonly direct: boolean;
  /** For all other peers. Absent: they cannot be reached (host-gw without a fallback). */
  readonly tunnel?: Tunnel;
}

export type BackendType = 'host-gw' | 'vxlan';

/** A VXLAN network, with flannel's defaults. */
export interface Tunnel {
  /** 0 to 16777215; flannel's default is 1. */
  readonly vni: number;
  /** UDP port; flannel's 0 is the kernel's 8472 and is stored here as that. */
  readonly port: number;
  /** MTU of the hosts' link to count with, bytes. Absent: the link's own. */
  readonly mtu?: number;
  readonly learning: boolean;
  /** Group based policy bits of the header. */
  readonly gbp: boolean;
}
