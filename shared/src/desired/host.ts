import type { ByFamily, Family } from '../net/family.ts';
import type { FirewallIntent } from './intent.ts';

/** What one host's kernel should hold. Pure data; `desired/` makes it, `node-agent/src/plan/` compares it. */
export interface DesiredHost {
  readonly bridge: BridgeIntent;
  /** One per family that has tunnels; a tunnel device of ours that is not among them is a former life's. */
  readonly tunnels: readonly TunnelIntent[];
  /** Sorted by destination. */
  readonly routes: readonly RouteIntent[];
  /** Path below /proc/sys, with slashes (an interface's name may hold dots): `net/ipv4/ip_forward` → `1`. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** One per family of the network; a table or chains of ours of another family are a former life's. */
  readonly firewalls: readonly FirewallIntent[];
  /** Every other host's subnet, one per family, sorted by subnet, with or without a route. */
  readonly peers: readonly PeerIntent[];
  /** What was left out and why, each a sentence; empty when everything in etcd made sense. */
  readonly problems: readonly string[];
}

export interface BridgeIntent {
  readonly name: string;
  /**
   * Gateway addresses with the subnets' lengths: `10.10.1.1/24`, `fd00:10:0:1::1/64`. Empty: the host has no subnet
   * (it waits for one, or was fenced), so a bridge that is there keeps no address, and none is made.
   */
  readonly addresses: readonly string[];
  /** Bytes; the containers' MTU too: the smallest that fits every way that a packet of theirs may take. */
  readonly mtu: number;
}

/** A VXLAN device and what leads to each peer behind it, as flannel builds it: nothing is learnt from packets. */
export interface TunnelIntent {
  /** `cwyx.1` */
  readonly name: string;
  /** Of the outer packets, and of the subnets that are reached through it. */
  readonly family: Family;
  readonly vni: number;
  /** UDP port. */
  readonly port: number;
  /** This host's end of the outer packets. */
  readonly local: string;
  /** The link that they leave by. */
  readonly device: string;
  readonly mac: string;
  readonly mtu: number;
  readonly learning: boolean;
  readonly gbp: boolean;
  /** The own subnet's first address, as a host's: `10.10.1.0/32`; absent without a subnet of this family. */
  readonly address?: string;
  /** Sorted by address. */
  readonly neighbours: readonly NeighbourIntent[];
}

/** One peer behind a tunnel: a permanent neighbour and a forwarding entry for its link-layer address. */
export interface NeighbourIntent {
  /** The first address of the peer's subnet, the gateway of its route. */
  readonly address: string;
  readonly mac: string;
  /** The peer's end of the outer packets. */
  readonly remote: string;
}

export interface RouteIntent {
  /** `10.10.2.0/24`, `fd00:10:0:2::/64` */
  readonly destination: string;
  readonly gateway: string;
  readonly device: string;
  /** The gateway is behind the device though no address of it says so: a tunnel's. */
  readonly onlink?: true;
}

export interface PeerIntent {
  /** Canonical; the key as etcd has it where that is no subnet. */
  readonly subnet: string;
  readonly family: Family;
  /** Empty when the peer has told none. */
  readonly publicIp: string;
  /** Name of the host, if it is one of ours. */
  readonly node?: string;
  /** `wanted`: `routes` has its route. `unreachable`: no route can lead there, for `reason`. */
  readonly state: 'wanted' | 'unreachable';
  /** With `wanted`. */
  readonly path?: 'direct' | 'tunnel';
  readonly reason?: string;
}

/** The subnets that this host leases, CIDR; a family of the network that is absent has none yet, or none any more. */
export type OwnSubnets = ByFamily<string>;
