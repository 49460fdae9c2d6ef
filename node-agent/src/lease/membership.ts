import type { FamilyFacts } from '@causeway/shared/model/host-facts';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodeRecord } from '@causeway/shared/model/node';
import type { ByFamily } from '@causeway/shared/net/family';
import type { LeaseHandle } from '@causeway/shared/store/store';

/**
 * A host as it presents itself, with its address and link's network in each family that its link has; its subnets are
 * what joining finds out. What its lease says of the backend follows from the network's configuration.
 */
export interface Candidate extends Omit<NodeRecord, 'ipv4' | 'ipv6'>, ByFamily<FamilyFacts> {}

export interface JoinInput {
  readonly node: Candidate;
  /** Made new at each start of the agent. */
  readonly instance: string;
  /** What this host had before, from its own disk; preferred when it is free. */
  readonly lastSubnets?: ByFamily<string>;
  /** What flannel's subnet file of this host says; taken when it is free and nothing better is known. */
  readonly flannelSubnets?: ByFamily<string>;
  /** How long the host keeps its name and subnets when it is away, seconds; default 24 h. */
  readonly ownershipSeconds?: number;
  /** How soon a dead host is noticed, seconds; default 10. */
  readonly aliveSeconds?: number;
  /** 0 ≤ random() < 1 */
  readonly random?: () => number;
}

/** What happened to this host's place, after joining. Each is one sentence's worth; `told.ts` says it. */
export type MembershipEvent =
  /** etcd, or our own clock, says that a lease or a key is gone. Joining again has begun. */
  | { readonly kind: 'lost'; readonly what: 'ownership' | 'liveness'; readonly reason: string }
  /** Joining again failed and will be tried again: etcd is away, or the name or the id is somebody else's. */
  | { readonly kind: 'retrying'; readonly reason: string }
  /** Somebody else runs with this host's id, so joining again is refused for as long as that lasts. */
  | { readonly kind: 'duplicate-id'; readonly reason: string }
  /** These subnets are another's: they are announced and used no more, from before anything else is done. */
  | { readonly kind: 'fenced'; readonly subnets: ByFamily<string>; readonly reason: string }
  /** Written again with the same subnets. What was written on the old ownership lease must be written again. */
  | { readonly kind: 'restored' }
  /** The host has other subnets, or one more: `from` is what it had before, without what it was fenced from. */
  | { readonly kind: 'moved'; readonly from: ByFamily<string>; readonly to: ByFamily<string> }
  /** A family has no free subnet for this host. It waits, and moves as soon as one is given back. */
  | { readonly kind: 'waiting'; readonly reason: string }
  /** The configuration in etcd would renumber these hosts and is not followed until it is confirmed. */
  | { readonly kind: 'network-refused'; readonly reason: string }
  /** The record in etcd follows another configuration: another backend or other families. */
  | { readonly kind: 'network-changed' };

/** This host's place in the cluster, kept for as long as the agent runs. */
export interface Membership {
  /** The host's record as it was written last; a family in which it waits for a subnet has none. */
  readonly record: NodeRecord;
  /**
   * The subnets that this host may use: those of `record` without what is known to be another's. Empty: it waits, or
   * it was fenced.
   */
  readonly subnets: ByFamily<string>;
  /** Of etcd, at which all of it was written: an earlier state of etcd says nothing of it. */
  readonly revision: number;
  /** The network's configuration that the record follows. */
  readonly config: NetworkConfig;
  /** Why the host has no subnet in a family of the network; undefined when it has all. */
  readonly waiting: string | undefined;
  /** Why the configuration in etcd is not followed; undefined when it is. */
  readonly refused: string | undefined;
  /** What the record and the subnets are on; for keys that should go when the host is gone for good. */
  readonly ownership: LeaseHandle;
  /** What says that the host is alive. */
  readonly liveness: LeaseHandle;
  onEvent(listener: (event: MembershipEvent) => void): void;
  /** Says anew who and where this host is, and writes that. Resolves when etcd holds it. */
  present(node: Candidate): Promise<void>;
  /**
   * Looks in etcd whether all that joining wrote is still there and follows the configuration, and writes it again
   * when it is not: for the moment when a watch shows otherwise. Resolves when etcd holds it.
   */
  verify(): Promise<void>;
  /** The same for now and then: asks etcd, in one request, whether anybody touched what was written, and only then looks. */
  check(): Promise<void>;
  /** Stops renewing and leaves all keys to run out: the host keeps its subnets over a restart of the agent. */
  stop(): void;
}
