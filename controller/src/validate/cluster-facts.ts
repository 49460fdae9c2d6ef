import type { ContainerSpec, PublishedHolder } from '@causeway/shared/model/container';
import type { NodeRecord } from '@causeway/shared/model/node';
import type { Protocol } from '@causeway/shared/model/service';
import type { Block, Ip } from '@causeway/shared/net/block';
import type { ByFamily } from '@causeway/shared/net/family';
import type { NodePortPlaces } from './node-port-places.ts';

/** What validation and allocation must know of the cluster. Addresses are text in their canonical form. */
export interface ClusterFacts extends NodePortPlaces {
  /** The container network in each family that it has; it has one at least. */
  readonly networks: ByFamily<Block>;
  /** Where VIPs are given out. */
  readonly serviceRanges: ByFamily<Block>;
  readonly nodePortMin: number;
  readonly nodePortMax: number;
  /** @returns the service that has this VIP. */
  vipOwner(address: string): string | undefined;
  /** @returns the service that has this NodePort. */
  nodePortOwner(protocol: Protocol, port: number): string | undefined;
  /** @returns who publishes this port, of any host. */
  publishers(protocol: Protocol, port: number): readonly PublishedHolder[];
  /** @returns the host that has this address. */
  hostOf(address: string): string | undefined;
  /** @returns a host that shares a network with this address, and that network. */
  networkAt(address: Ip): HostNetwork | undefined;
  /** @returns a service that has an endpoint at this address. */
  serviceWithEndpointAt(address: string): string | undefined;
  hasContainer(name: string): boolean;
  container(name: string): ContainerSpec | undefined;
  containers(): readonly ContainerSpec[];
  /** @returns a container other than this one that has the address, or was given it by its user. */
  containerAt(address: string, except: string): string | undefined;
  hasWorkload(name: string): boolean;
  /** @returns a workload that is registered at this address. */
  workloadAt(address: string): string | undefined;
  /** Names of all hosts, sorted. */
  hosts(): readonly string[];
  host(name: string): NodeRecord | undefined;
  /** Whether a host takes no new containers. */
  isCordoned(host: string): boolean;
}

/** A network that a host is in, and where other machines may have the other addresses: its gateway, say. */
export interface HostNetwork {
  readonly host: string;
  readonly network: Block;
}
