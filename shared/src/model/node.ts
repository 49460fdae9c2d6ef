import type { ByFamily } from '../net/family.ts';
import type { Dataplane } from './dataplane.ts';

/** A host as it registers itself: `/causeway/v1/nodes/<name>`. Outlives the agent (24 h), so that its name stays its own. */
export interface NodeRecord extends ByFamily<NodeFamily> {
  readonly name: string;
  /** Stable over reboots and changes of address; made once, kept in the state directory. */
  readonly id: string;
  /** Every address of the host's own links, of both families, without link-local ones; a VIP may equal none of them. */
  readonly addresses: readonly string[];
  readonly dataplane: Dataplane;
  readonly version: string;
}

export interface NodeFamily {
  /** Address on the hosts' network. */
  readonly publicIp: string;
  /**
   * The network of the link on the hosts' network, CIDR: `192.168.122.0/24`. No VIP lies inside, or the machine that
   * gets the address one day could not be reached.
   */
  readonly network: string;
  /** Absent: the host waits for a subnet, since all are leased. */
  readonly subnet?: string;
}

/** Liveness: `/causeway/v1/alive/<name>`, on a lease of 10 s. */
export interface NodeAlive {
  readonly id: string;
  /** Made new at each start of the agent. */
  readonly instance: string;
}

/** Who uses an id: `/causeway/v1/ids/<id>`, on the lease of liveness. Keeps a cloned machine from posing as another. */
export interface NodeIdentity {
  readonly name: string;
  readonly instance: string;
  /** Tells one machine from its clone over a restart of the agent: addresses on the hosts' network. */
  readonly addresses: readonly string[];
}

/** One peer as this host's kernel knows it, in one family. */
export interface PeerReport {
  readonly subnet: string;
  /** Empty when the peer has told none. */
  readonly publicIp: string;
  readonly node?: string;
  readonly state: 'installed' | 'failed' | 'unreachable';
  /** How it is reached: by a plain route, or through the tunnel. */
  readonly path?: 'direct' | 'tunnel';
  readonly reason?: string;
}

/** What a host's kernel holds: `/causeway/v1/reports/<name>`, written by its agent after every applied change. */
export interface NodeReport {
  readonly name: string;
  /** The newest etcd revision under services/ that the kernel holds. */
  readonly servicesRevision: number;
  /** The same under policies/. Absent: the agent knows nothing of policies. */
  readonly policiesRevision?: number;
  /** The newest etcd revision of the network's leases that the kernel holds. */
  readonly networkRevision: number;
  /** Time from the watch event to the kernel's answer of the last change, milliseconds. */
  readonly appliedInMs: number;
  /** RFC 3339. */
  readonly at: string;
  /** How many peers' subnets this host knows, and how many of them its kernel leads to. */
  readonly peersWanted: number;
  readonly peersInstalled: number;
  /** Only those that are not installed: a report of a thousand healthy peers stays small. */
  readonly peers: readonly PeerReport[];
  /** Sentences; empty when all is well. */
  readonly problems: readonly string[];
  /** Number of drifts repaired since the agent started. */
  readonly repairs: number;
}
