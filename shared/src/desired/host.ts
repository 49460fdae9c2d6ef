import type { FirewallIntent } from './intent.ts';

/** What one host's kernel should hold. Pure data; `desired/` makes it, `node-agent/src/plan/` compares it. */
export interface DesiredHost {
  readonly bridge: BridgeIntent;
  readonly routes: readonly RouteIntent[];
  /** Path below /proc/sys, with slashes (an interface's name may hold dots): `net/ipv4/ip_forward` → `1`. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly firewall: FirewallIntent;
  /** Every other host's subnet, sorted by subnet, with or without a route. */
  readonly peers: readonly PeerIntent[];
  /** What was left out and why, each a sentence; empty when everything in etcd made sense. */
  readonly problems: readonly string[];
}

export interface BridgeIntent {
  readonly name: string;
  /** Gateway address with the subnet's length: `10.10.1.1/24`. */
  readonly address: string;
  readonly mtu: number;
}

export interface RouteIntent {
  /** `10.10.2.0/24` */
  readonly destination: string;
  readonly gateway: string;
  readonly device: string;
}

export interface PeerIntent {
  readonly subnet: string;
  readonly publicIp: string;
  /** `wanted`: `routes` has its route. `unreachable`: no route can lead there, for `reason`. */
  readonly state: 'wanted' | 'unreachable';
  readonly reason?: string;
}
