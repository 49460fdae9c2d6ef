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
  /** Absent: any of them may be another than before. */
  readonly since?: ServicesSince;
  /** Only those of this host. */
  readonly containers: readonly ContainerSpec[];
  readonly networkRevision: number;
  readonly servicesRevision: number;
}

/**
 * The services of the snapshot before: all that are not named were the same objects, at the same places. It spares
 * whoever knows what came of those to look at ten thousand for one.
 */
export interface ServicesSince {
  readonly services: Snapshot['services'];
  readonly endpoints: Snapshot['endpoints'];
  /** Names of services. */
  readonly changed: ReadonlySet<string>;
}
