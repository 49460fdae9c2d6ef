import type { ContainerSpec } from './container.ts';
import type { EndpointSet } from './endpoint.ts';
import type { SubnetLease } from './lease.ts';
import type { NetworkConfig } from './network.ts';
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
  /** Only those of this host. */
  readonly containers: readonly ContainerSpec[];
  readonly networkRevision: number;
  readonly servicesRevision: number;
}
