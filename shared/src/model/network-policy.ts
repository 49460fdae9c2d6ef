import type { Protocol } from './service.ts';

/**
 * Who may connect to containers, and to whom they may connect: `/causeway/v1/policies/<name>/spec`. All policies that mean a
 * container hold together: what one of their `deny` rules names is refused; else what one of their `allow` rules names is
 * accepted; else the default holds, which is `deny` as soon as one of them says so.
 */
export interface NetworkPolicy {
  readonly name: string;
  readonly subjects: PolicySubjects;
  /** Connections to them. Absent: this policy says nothing about those. */
  readonly ingress?: PolicySide;
  /** Connections from them. */
  readonly egress?: PolicySide;
}

/** Containers that a policy is about: those that are named or have all of the labels. Both absent: all containers. */
export interface PolicySubjects {
  readonly containers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PolicySide {
  /** Absent: `allow`. */
  readonly default?: PolicyAction;
  /** Their order does not matter. */
  readonly rules: readonly PolicyRule[];
}

export type PolicyAction = 'allow' | 'deny';

export interface PolicyRule {
  readonly action: PolicyAction;
  /** The other end. Absent: everybody. */
  readonly peers?: PolicyPeers;
  /** Of the connection's destination, after translation. Absent: all. */
  readonly ports?: readonly PolicyPorts[];
  /** With `allow`: new connections above the rate are dropped. */
  readonly limit?: PolicyLimit;
}

/** Whoever any of these names. */
export interface PolicyPeers {
  /** CIDRs of either family. */
  readonly cidrs?: readonly string[];
  /** Names of containers or workloads. */
  readonly containers?: readonly string[];
  /** Containers and workloads that have all of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PolicyPorts {
  readonly protocol: Protocol;
  /** Absent: all of the protocol. */
  readonly port?: number;
  /** Last of a range that begins with `port`. */
  readonly endPort?: number;
}

/** A token bucket: `25/minute`, burst 100. */
export interface PolicyLimit {
  readonly connections: number;
  readonly per: 'second' | 'minute' | 'hour';
  /** Connections that may come at once. */
  readonly burst: number;
}

/**
 * Whom a policy's names and labels mean at the moment: `/causeway/v1/policies/<name>/peers`, written by the controller as
 * endpoints of services are. Agents find the subjects themselves, so that no container is ever without its policy.
 */
export interface PolicyPeerSet {
  readonly name: string;
  /** One entry per rule that names containers or labels. */
  readonly rules: readonly ResolvedPeers[];
}

export interface ResolvedPeers {
  readonly side: 'ingress' | 'egress';
  /** Index in the side's `rules`. */
  readonly rule: number;
  /** Addresses of both families, sorted. */
  readonly addresses: readonly string[];
}
