import type { ContainerSpec } from './container.ts';
import type { EndpointSet } from './endpoint.ts';
import type { SubnetLease } from './lease.ts';
import type { NetworkConfig } from './network.ts';
import type { NetworkPolicy, PolicyPeerSet } from './network-policy.ts';
import type { ServiceSpec } from './service.ts';
import type { Settings } from './settings.ts';

/** Everything that one agent knows of the cluster, and the revisions that it is true of. */
export interface Snapshot {
  /** The configuration that hosts follow: the one in etcd, unless it would renumber hosts and nobody confirmed that. */
  readonly config: NetworkConfig;
  readonly settings: Settings;
  readonly leases: readonly SubnetLease[];
  readonly services: readonly ServiceSpec[];
  /** By service name. */
  readonly endpoints: ReadonlyMap<string, EndpointSet>;
  /** Only those of this host, sorted by name. */
  readonly containers: readonly ContainerSpec[];
  /** Sorted by name. */
  readonly policies: readonly NetworkPolicy[];
  /** By policy name. */
  readonly policyPeers: ReadonlyMap<string, PolicyPeerSet>;
  readonly networkRevision: number;
  readonly servicesRevision: number;
  readonly policiesRevision: number;
}
