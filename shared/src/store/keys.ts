import { CAUSEWAY_PREFIX, FLANNEL_PREFIX } from '../names.ts';

/** Every key of ours in etcd. Prefixes end with `/`, so that no neighbour's keys match. */
export const keys = {
  /** flannel's: the network configuration and the subnet leases. One prefix, one watch. */
  networkPrefix: `${FLANNEL_PREFIX}/`,
  networkConfig: `${FLANNEL_PREFIX}/config`,
  subnetPrefix: `${FLANNEL_PREFIX}/subnets/`,
  /** @param subnet `10.10.1.0/24` → `…/subnets/10.10.1.0-24` */
  subnet: (subnet: string) => `${FLANNEL_PREFIX}/subnets/${subnet.replace('/', '-')}`,
  claimPrefix: `${CAUSEWAY_PREFIX}/claims/`,
  /**
   * One claim per subnet and address family, in the lease's own transaction: closes flannel's dual-stack race.
   * The value is the node's id.
   */
  claim: (subnet: string) => `${CAUSEWAY_PREFIX}/claims/${subnet.replace('/', '-')}`,

  nodePrefix: `${CAUSEWAY_PREFIX}/nodes/`,
  node: (name: string) => `${CAUSEWAY_PREFIX}/nodes/${name}`,
  alivePrefix: `${CAUSEWAY_PREFIX}/alive/`,
  alive: (name: string) => `${CAUSEWAY_PREFIX}/alive/${name}`,
  reportPrefix: `${CAUSEWAY_PREFIX}/reports/`,
  report: (name: string) => `${CAUSEWAY_PREFIX}/reports/${name}`,

  /** spec and endpoints of all services under one prefix: one watch, ordered, a transaction's changes together. */
  servicePrefix: `${CAUSEWAY_PREFIX}/services/`,
  serviceSpec: (name: string) => `${CAUSEWAY_PREFIX}/services/${name}/spec`,
  serviceEndpoints: (name: string) => `${CAUSEWAY_PREFIX}/services/${name}/endpoints`,
  /** Create-if-absent; the value is the service's name. */
  vip: (address: string) => `${CAUSEWAY_PREFIX}/allocations/vip/${address}`,
  nodePort: (protocol: string, port: number) =>
    `${CAUSEWAY_PREFIX}/allocations/node-port/${protocol}/${port}`,
  allocationPrefix: `${CAUSEWAY_PREFIX}/allocations/`,

  containerPrefix: `${CAUSEWAY_PREFIX}/containers/`,
  container: (name: string) => `${CAUSEWAY_PREFIX}/containers/${name}`,
  containerStatusPrefix: `${CAUSEWAY_PREFIX}/container-status/`,
  containerStatus: (name: string) => `${CAUSEWAY_PREFIX}/container-status/${name}`,

  /** Cluster-wide settings that the controller writes and agents read: service range, NodePort range. */
  settings: `${CAUSEWAY_PREFIX}/settings`,
} as const;
