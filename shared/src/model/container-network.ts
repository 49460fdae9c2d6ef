/** How a container is connected (`svcctl run --network`). */
export type NetworkMode =
  | BridgeMode
  | { readonly kind: 'host' }
  | { readonly kind: 'none' }
  | ContainerMode
  | MacvlanMode
  | PointToPointMode;

/** A port of the host's bridge, with an address per family of the network; the default. */
export interface BridgeMode {
  readonly kind: 'bridge';
  /** Chosen by the user, inside the host's subnet. Absent: the lowest that is free. */
  readonly address?: string;
  readonly ipv6Address?: string;
  /** `0a:58:0a:0a:01:05`; absent: made from the address. */
  readonly mac?: string;
}

/** The network namespace of another container of the same host. */
export interface ContainerMode {
  readonly kind: 'container';
  readonly container: string;
}

/** A macvlan device in bridge mode on a link of the host: the container is a neighbour of the host's neighbours. */
export interface MacvlanMode {
  readonly kind: 'macvlan';
  /** The host's link. */
  readonly device: string;
  /** With prefix lengths, one per family: `192.168.122.50/24`. Empty: the device comes up without. */
  readonly addresses: readonly string[];
  /** Default gateways, one per family. */
  readonly gateways: readonly string[];
  readonly mac?: string;
}

/**
 * A veth pair to another container of the same host and no bridge: both ends have host addresses (/32, /128) and a
 * route to each other, nothing else.
 */
export interface PointToPointMode {
  readonly kind: 'p2p';
  /** The other container. */
  readonly peer: string;
  readonly address?: string;
  readonly ipv6Address?: string;
}

/** PURE. Whether policies hold for a container: its address is its own, on the bridge. Absent: the bridge. */
export function isRuled(network: NetworkMode | undefined): boolean {
  return network === undefined || network.kind === 'bridge';
}
