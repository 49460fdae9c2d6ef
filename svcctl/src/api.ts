import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type { Endpoint } from '@causeway/shared/model/endpoint';
import type { NodeEvent } from '@causeway/shared/model/event';
import type { ImageRecord } from '@causeway/shared/model/image';
import type { NetworkPolicy, ResolvedPeers } from '@causeway/shared/model/network-policy';
import type { NodeReport } from '@causeway/shared/model/node';
import type { Reservation } from '@causeway/shared/model/reservation';
import type { ServiceSpec } from '@causeway/shared/model/service';
import type { Workload } from '@causeway/shared/model/workload';

/** The objects of the REST API as the controller answers them (`/openapi.json`). `revision` is etcd's. */
export interface NodeView extends Revised {
  readonly name: string;
  readonly id: string;
  readonly publicIp?: string;
  readonly publicIpv6?: string;
  readonly addresses: readonly string[];
  readonly network?: string;
  readonly networkIpv6?: string;
  readonly subnet?: string;
  readonly subnetIpv6?: string;
  readonly dataplane: string;
  readonly version: string;
  readonly alive: boolean;
  readonly cordoned: boolean;
  readonly drained: boolean;
  readonly reservations: readonly string[];
  readonly report?: NodeReport;
}

export interface SubnetView extends Revised {
  /** IPv4; of a lease of IPv6 alone, its IPv6 subnet. */
  readonly subnet: string;
  readonly subnetIpv6?: string;
  readonly publicIp: string;
  readonly publicIpv6?: string;
  readonly backendType: string;
  readonly vtepMac?: string;
  readonly vtepMacIpv6?: string;
  /** The node's name; a flannel host's lease has none. */
  readonly node?: string;
}

export type ServiceView = ServiceSpec &
  Revised & {
    readonly status?: {
      readonly endpoints: number;
      /** How many of them are ready. */
      readonly ready: number;
      readonly unresolved: readonly string[];
      readonly warnings?: readonly string[];
    };
  };

export type EndpointView = Endpoint & Partial<Revised> & { readonly service?: string };

export type ContainerView = ContainerSpec &
  Revised & {
    /** Controllers before it came tell no revision of it. */
    readonly status?: ContainerStatus & Partial<Revised>;
  };

/** The built-in image has neither digest nor size nor time. */
export type ImageView = Pick<ImageRecord, 'name'> &
  Partial<ImageRecord> &
  Revised & {
    /** Hosts that hold it. */
    readonly hosts: readonly string[];
  };

/** What an import or a pull answers. */
export type TakenImageView = ImageView & { readonly notes: readonly string[] };

export type WorkloadView = Workload & Revised;

export type PolicyView = NetworkPolicy &
  Revised & {
    readonly status?: {
      /** Addresses that its names and labels mean at the moment. */
      readonly peers: number;
      readonly warnings: readonly string[];
    };
  };

/** A container that a policy is about. */
export interface PolicySubjectView {
  readonly name: string;
  readonly host: string;
  readonly addresses: readonly string[];
  /** Its network mode, where no policy holds with that. */
  readonly unruled?: string;
}

export type PolicyPeersView = ResolvedPeers;

/** What `GET /v1/ipam/check` answers. */
export interface IpamView {
  readonly ok: boolean;
  /** Sentences. */
  readonly findings: readonly string[];
  readonly checked: {
    readonly [K in 'services' | 'vips' | 'nodePorts' | 'subnets' | 'reservations']: number;
  } & {
    /** Controllers before they looked at containers tell none of these. */
    readonly [K in 'containers' | 'publishedPorts' | 'hosts']?: number;
  };
  /** Why hosts could not be asked, each a sentence. */
  readonly unasked?: readonly string[];
}

export type ReservationView = Reservation & Revised;

export type EventView = NodeEvent & Revised;

/** What was decided about a node, as the operations on nodes answer it. */
export interface NodePlanView extends Revised {
  readonly name: string;
  readonly cordoned: boolean;
  readonly drained: boolean;
  readonly reservations: readonly string[];
  readonly changed: boolean;
  readonly warnings: readonly string[];
  /** What hosts must hold for the services to have followed; 0: none had to. */
  readonly servicesRevision: number;
}

export interface Revised {
  readonly revision: number;
}

export interface ListOf<T> extends Revised {
  readonly items: readonly T[];
  /** Present when there is more: the next request's `continue`. */
  readonly continue?: string;
}
