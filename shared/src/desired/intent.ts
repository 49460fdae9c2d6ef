import type { Policy, Protocol } from '../model/service.ts';
import type { Family } from '../net/family.ts';

/** One port of one service in one family, as a dataplane sees it. */
export interface ServiceIntent {
  /** `name` or `name:portName`; unique in its family. Only `[a-z0-9-:]`, so safe in every rule language. */
  readonly id: string;
  readonly vip?: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly nodePort?: number;
  /** Those that take new connections: sorted by address, then port; no duplicates. Empty: connections are refused. */
  readonly endpoints: readonly EndpointIntent[];
  /** For connections to the VIP. */
  readonly internalPolicy: Policy;
  /** For connections to the NodePort that come from neither a container nor this host. */
  readonly externalPolicy: Policy;
  /**
   * The endpoints on this host, for a policy `local`: as `endpoints`, and chosen among this host's alone, so that one
   * that is draining may be here and not there. Always empty where no policy is `local`. Empty where `endpoints` are
   * not: connections that the policy rules are dropped, since another host may serve them.
   */
  readonly localEndpoints: readonly EndpointIntent[];
  /**
   * With UDP, which knows no end of a connection: endpoints that take no new ones and keep those that they have, since
   * they are draining or of weight 0. No rule speaks of them. Absent: there are none.
   */
  readonly keeping?: readonly Pick<EndpointIntent, 'address' | 'port'>[];
  /**
   * Endpoints whose drain is over: the kernel is made to forget what the service's VIP and NodePort lead to them, by
   * whatever protocol. None of them is in another of these lists. No rule speaks of them. Absent: there are none.
   */
  readonly drained?: readonly Pick<EndpointIntent, 'address' | 'port'>[];
  /** Whether a client stays with its endpoint. */
  readonly affinity: boolean;
  /**
   * Clients that may connect: CIDRs of the family, canonical, sorted, none inside another. Undefined: everybody; empty:
   * nobody.
   */
  readonly sourceRanges?: readonly string[];
}

export interface EndpointIntent {
  readonly address: string;
  readonly port: number;
  /** At least 1. */
  readonly weight: number;
}

/** Everything that a host's packet filter must do in one family; the two dataplanes render the same intent. */
export interface FirewallIntent {
  readonly family: Family;
  /** All containers of the cluster, CIDR. */
  readonly network: string;
  /** This host's containers, CIDR; absent: it has no subnet (it waits for one, or was fenced). */
  readonly subnet?: string;
  /** The bridge's name. */
  readonly bridge: string;
  /** One bit; marks packets that POSTROUTING masquerades. */
  readonly mark: number;
  /** False: containers keep their addresses towards the outside; what services need is masqueraded all the same. */
  readonly masquerade: boolean;
  /** Destinations towards which they keep them in any case; of this family, canonical, sorted, without doubles. */
  readonly nonMasqueradeCidrs: readonly string[];
  /**
   * VIPs are allocated from here; a VIP of this range that nobody has is dropped. CIDR. Absent: nothing is dropped,
   * since others have addresses in the range, or it is of the other family.
   */
  readonly serviceRange?: string;
  /**
   * NodePorts are served on the host's addresses inside of these: CIDRs, canonical, sorted, none inside another. Empty:
   * on all. Never on loopback ones.
   */
  readonly nodePortCidrs: readonly string[];
  /** Sorted by id. */
  readonly services: readonly ServiceIntent[];
  /** Ports of this host that lead to its containers. Sorted by protocol, port and address. */
  readonly published: readonly PublishedIntent[];
  /** Sorted by id. */
  readonly policies: readonly PolicyIntent[];
}

/**
 * A port of this host that leads to one of its containers. Whoever comes from outside keeps his address; a container of
 * this host's subnet (the container itself, too) and the host itself are treated as with a service.
 */
export interface PublishedIntent {
  /** Of the host; goes before an entry of the same port without one. Absent: all local ones but loopback. */
  readonly hostAddress?: string;
  readonly protocol: Protocol;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
}

/** What holds for all containers of this host that the same policies mean. */
export interface PolicyIntent {
  /** A short hash of the policies' names, so that it stays when what they say changes. `[0-9a-f]`. */
  readonly id: string;
  /** Addresses of this host's containers, sorted; an address is in one intent at most. */
  readonly subjects: readonly string[];
  /** Connections to them. Absent: everybody may. */
  readonly ingress?: PolicySideIntent;
  /** Connections from them. */
  readonly egress?: PolicySideIntent;
}

/** First `deny`, then `allow`, then `limited`, then the default. */
export interface PolicySideIntent {
  readonly default: 'allow' | 'deny';
  readonly deny: readonly PolicyMatch[];
  readonly allow: readonly PolicyMatch[];
  readonly limited: readonly LimitedMatch[];
}

/** New connections with a peer inside `cidr`, to a port from `firstPort` to `lastPort`; those of a list may overlap. */
export interface PolicyMatch {
  /** Canonical, of the intent's family; everybody: `0.0.0.0/0`, `::/0`. */
  readonly cidr: string;
  /** Absent: every protocol, and there are no ports then. */
  readonly protocol?: Protocol;
  /** Both or none; none: all ports. */
  readonly firstPort?: number;
  readonly lastPort?: number;
}

export interface LimitedMatch {
  readonly matches: readonly PolicyMatch[];
  readonly connections: number;
  readonly per: 'second' | 'minute' | 'hour';
  readonly burst: number;
}
