import type { Dataplane } from './dataplane.ts';

/** A host as it registers itself: `/causeway/v1/nodes/<name>`. Outlives the agent (24 h), so that its name stays its own. */
export interface NodeRecord {
  readonly name: string;
  /** Stable over reboots and changes of address; made once, kept in the state directory. */
  readonly id: string;
  /** Address on the hosts' network. */
  readonly publicIp: string;
  /** Every IPv4 address of the host's own links; a VIP may equal none of them. */
  readonly addresses: readonly string[];
  /**
   * The network of the link on the hosts' network, CIDR: `192.168.122.0/24`. No VIP lies inside, or the machine that
   * gets the address one day could not be reached. Absent in records of agents that did not say it.
   */
  readonly network?: string;
  readonly subnet: string;
  readonly dataplane: Dataplane;
  readonly version: string;
}

/** Liveness: `/causeway/v1/alive/<name>`, on a lease of 10 s. */
export interface NodeAlive {
  readonly id: string;
  /** Made new at each start of the agent. */
  readonly instance: string;
}

/** One peer as this host's kernel knows it. */
export interface PeerReport {
  readonly subnet: string;
  readonly publicIp: string;
  readonly state: 'installed' | 'failed' | 'unreachable';
  readonly reason?: string;
}

/** What a host's kernel holds: `/causeway/v1/reports/<name>`, written by its agent after every applied change. */
export interface NodeReport {
  readonly name: string;
  /** The newest etcd revision under services/ that the kernel holds. */
  readonly servicesRevision: number;
  /** The newest etcd revision of the network's leases that the kernel holds. */
  readonly networkRevision: number;
  /** Time from the watch event to the kernel's answer of the last change, milliseconds. */
  readonly appliedInMs: number;
  /** RFC 3339. */
  readonly at: string;
  readonly peers: readonly PeerReport[];
  /** Sentences; empty when all is well. */
  readonly problems: readonly string[];
  /** Number of drifts repaired since the agent started. */
  readonly repairs: number;
}
