import type { AgentAddress } from '@causeway/shared/model/agent-api';
import type { ContainerSpec, ContainerStatus, PublishedClaims } from '@causeway/shared/model/container';
import type { EndpointSet } from '@causeway/shared/model/endpoint';
import type { NodeEvent } from '@causeway/shared/model/event';
import type { HealthRecord } from '@causeway/shared/model/health';
import type { ImageHolder, ImageRecord } from '@causeway/shared/model/image';
import type { SubnetLease } from '@causeway/shared/model/lease';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NetworkPolicy, PolicyPeerSet } from '@causeway/shared/model/network-policy';
import type { NodeAlive, NodeRecord, NodeReport } from '@causeway/shared/model/node';
import type { NodePolicy, Reservation } from '@causeway/shared/model/reservation';
import type { ServiceSpec } from '@causeway/shared/model/service';
import type { Settings } from '@causeway/shared/model/settings';
import type { Workload } from '@causeway/shared/model/workload';

/** What each table of the view holds. */
export interface Rows {
  readonly service: ServiceSpec;
  readonly endpoints: EndpointSet;
  /** By address; the value is the service that has it. */
  readonly vip: string;
  /** By `tcp/30001`; the value is the service that has it. */
  readonly nodePort: string;
  /** By `tcp/8080`. */
  readonly published: PublishedClaims;
  /** By address; the value is the container that was given it by its user. */
  readonly containerAddress: string;
  readonly node: NodeRecord;
  readonly alive: NodeAlive;
  readonly report: NodeReport;
  readonly container: ContainerSpec;
  readonly containerStatus: ContainerStatus;
  readonly workload: Workload;
  /** By node name. */
  readonly health: HealthRecord;
  /** By node name: where its agent answers, and the key for that, which goes nowhere else. */
  readonly agent: AgentAddress;
  /** By name, as the key has it: percent-encoded. */
  readonly image: ImageRecord;
  /** By node name. */
  readonly imageHolder: ImageHolder;
  /** By what follows the prefix of the key: `10.10.1.0-24`, `10.10.1.0-24&fd00:10:0:1::-64`. */
  readonly lease: SubnetLease;
  /** By subnet in CIDR form; the value is the id of the node that leases it. */
  readonly claim: string;
  /** By subnet in CIDR form. */
  readonly reservation: Reservation;
  /** By node name. */
  readonly policy: NodePolicy;
  readonly networkPolicy: NetworkPolicy;
  /** By policy name: whom its rules mean. */
  readonly policyPeers: PolicyPeerSet;
  /** By `<node>/<slot>`. */
  readonly event: NodeEvent;
  /** One row, by the empty string: the configuration as somebody wrote it. */
  readonly config: NetworkConfig;
  /** One row, by the empty string: the configuration that hosts last followed. */
  readonly accepted: NetworkConfig;
  readonly settings: Settings;
}

export type Kind = keyof Rows;

/** One decoded value of etcd and the revision that wrote it. */
export interface Stored<T> {
  readonly value: T;
  readonly revision: number;
  /** The lease of etcd that the key is on; absent: it is on none. */
  readonly leaseId?: string;
}

export type Tables = { readonly [K in Kind]: ReadonlyMap<string, Stored<Rows[K]>> };
export type MutableTables = { readonly [K in Kind]: Map<string, Stored<Rows[K]>> };

/**
 * One row that came (`after` only), changed (both) or went (`before` only); without either, a key that never could be
 * read came or went. Both are the same object when the key cannot be read any more.
 */
export type Change = {
  [K in Kind]: {
    readonly kind: K;
    readonly id: string;
    readonly before?: Stored<Rows[K]>;
    readonly after?: Stored<Rows[K]>;
  };
}[Kind];

export function emptyTables(): MutableTables {
  return {
    service: new Map(),
    endpoints: new Map(),
    vip: new Map(),
    nodePort: new Map(),
    published: new Map(),
    containerAddress: new Map(),
    node: new Map(),
    alive: new Map(),
    report: new Map(),
    container: new Map(),
    containerStatus: new Map(),
    workload: new Map(),
    health: new Map(),
    agent: new Map(),
    image: new Map(),
    imageHolder: new Map(),
    lease: new Map(),
    claim: new Map(),
    reservation: new Map(),
    policy: new Map(),
    networkPolicy: new Map(),
    policyPeers: new Map(),
    event: new Map(),
    config: new Map(),
    accepted: new Map(),
    settings: new Map(),
  };
}
