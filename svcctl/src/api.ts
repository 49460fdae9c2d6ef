import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type { Endpoint } from '@causeway/shared/model/endpoint';
import type { NodeRecord, NodeReport } from '@causeway/shared/model/node';
import type { Protocol, ServiceSpec } from '@causeway/shared/model/service';

/** The objects of the REST API as the controller answers them (`/openapi.json`). `revision` is etcd's. */
export type NodeView = NodeRecord & Revised & { readonly alive: boolean; readonly report?: NodeReport };

export interface SubnetView extends Revised {
  readonly subnet: string;
  readonly publicIp: string;
  readonly backendType: string;
  /** The node's name; a flannel host's lease has none. */
  readonly node?: string;
}

export type ServiceView = ServiceSpec &
  Revised & { readonly status?: { readonly endpoints: number; readonly unresolved: readonly string[] } };

export type EndpointView = Endpoint & Partial<Revised> & { readonly service?: string };

export type ContainerView = ContainerSpec & Revised & { readonly status?: ContainerStatus };

export interface Revised {
  readonly revision: number;
}

export interface ListOf<T> extends Revised {
  readonly items: readonly T[];
  /** Present when there is more: the next request's `continue`. */
  readonly continue?: string;
}

/** Body of POST /v1/services. */
export interface ServiceInput {
  readonly name?: string;
  /** An address, `auto` or `none`. */
  readonly vip?: string;
  readonly ports: readonly {
    readonly name?: string;
    readonly protocol?: Protocol;
    readonly port: number;
    readonly targetPort?: number;
    readonly nodePort?: number | 'auto';
  }[];
  readonly endpoints?: readonly string[];
}
