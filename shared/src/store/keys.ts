import { CAUSEWAY_PREFIX, FLANNEL_PREFIX } from '../names.ts';
import type { ByFamily } from '../net/family.ts';

/** Every key of ours in etcd. Prefixes end with `/`, so that no neighbour's keys match. */
export const keys = {
  /** flannel's: the network configuration and the subnet leases. One prefix, one watch. */
  networkPrefix: `${FLANNEL_PREFIX}/`,
  networkConfig: `${FLANNEL_PREFIX}/config`,
  subnetPrefix: `${FLANNEL_PREFIX}/subnets/`,
  /**
   * @param subnets `10.10.1.0/24` → `…/subnets/10.10.1.0-24`; of both families
   *   `…/subnets/10.10.1.0-24&fd00:10:0:1::-64`; of IPv6 alone, as flannel writes it, `…/subnets/0.0.0.0-0&fd00:10:0:1::-64`
   */
  subnet: ({ ipv4, ipv6 }: ByFamily<string>) =>
    `${FLANNEL_PREFIX}/subnets/${dashed(ipv4 ?? '0.0.0.0/0')}${ipv6 === undefined ? '' : `&${dashed(ipv6)}`}`,
  claimPrefix: `${CAUSEWAY_PREFIX}/claims/`,
  /**
   * One claim per subnet and address family, in the lease's own transaction: closes flannel's dual-stack race.
   * The value is the node's id.
   */
  claim: (subnet: string) => `${CAUSEWAY_PREFIX}/claims/${dashed(subnet)}`,
  reservationPrefix: `${CAUSEWAY_PREFIX}/reservations/`,
  reservation: (subnet: string) => `${CAUSEWAY_PREFIX}/reservations/${dashed(subnet)}`,

  nodePrefix: `${CAUSEWAY_PREFIX}/nodes/`,
  node: (name: string) => `${CAUSEWAY_PREFIX}/nodes/${name}`,
  alivePrefix: `${CAUSEWAY_PREFIX}/alive/`,
  alive: (name: string) => `${CAUSEWAY_PREFIX}/alive/${name}`,
  /** On the lease of liveness: one agent per id. */
  identity: (id: string) => `${CAUSEWAY_PREFIX}/ids/${id}`,
  nodePolicyPrefix: `${CAUSEWAY_PREFIX}/node-policies/`,
  nodePolicy: (name: string) => `${CAUSEWAY_PREFIX}/node-policies/${name}`,
  eventPrefix: `${CAUSEWAY_PREFIX}/events/`,
  event: (node: string, slot: number) => `${CAUSEWAY_PREFIX}/events/${node}/${slot}`,
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
  /**
   * Written with every VIP and NodePort that is given out; the value is the service's name. Whoever has read all of them
   * and guards its revision knows that there are no others.
   */
  lastAllocation: `${CAUSEWAY_PREFIX}/last-allocation`,

  /**
   * Who publishes a port of which hosts, in the transaction that writes the container. One key for all hosts: a service's
   * NodePort is all hosts' as well, and whoever gives one out guards this key.
   */
  published: (protocol: string, port: number) => `${CAUSEWAY_PREFIX}/published/${protocol}/${port}`,
  publishedPrefix: `${CAUSEWAY_PREFIX}/published/`,
  /** As `lastAllocation`, of published ports; the value is the container's name. */
  lastPublished: `${CAUSEWAY_PREFIX}/last-published`,
  /** Create-if-absent: an address that a container was given by its user; the value is the container's name. */
  containerAddress: (address: string) => `${CAUSEWAY_PREFIX}/container-addresses/${address}`,
  containerAddressPrefix: `${CAUSEWAY_PREFIX}/container-addresses/`,

  containerPrefix: `${CAUSEWAY_PREFIX}/containers/`,
  container: (name: string) => `${CAUSEWAY_PREFIX}/containers/${name}`,
  containerStatusPrefix: `${CAUSEWAY_PREFIX}/container-status/`,
  containerStatus: (name: string) => `${CAUSEWAY_PREFIX}/container-status/${name}`,

  policyPrefix: `${CAUSEWAY_PREFIX}/policies/`,
  policySpec: (name: string) => `${CAUSEWAY_PREFIX}/policies/${name}/spec`,
  policyPeers: (name: string) => `${CAUSEWAY_PREFIX}/policies/${name}/peers`,

  imagePrefix: `${CAUSEWAY_PREFIX}/images/`,
  /** A name may hold slashes. */
  image: (name: string) => `${CAUSEWAY_PREFIX}/images/${encodeURIComponent(name)}`,
  imageHolderPrefix: `${CAUSEWAY_PREFIX}/image-holders/`,
  imageHolder: (node: string) => `${CAUSEWAY_PREFIX}/image-holders/${node}`,
  agentPrefix: `${CAUSEWAY_PREFIX}/agents/`,
  agent: (node: string) => `${CAUSEWAY_PREFIX}/agents/${node}`,

  workloadPrefix: `${CAUSEWAY_PREFIX}/workloads/`,
  workload: (name: string) => `${CAUSEWAY_PREFIX}/workloads/${name}`,
  healthPrefix: `${CAUSEWAY_PREFIX}/health/`,
  health: (node: string) => `${CAUSEWAY_PREFIX}/health/${node}`,

  /** Cluster-wide settings that the controller writes and agents read: service range, NodePort range. */
  settings: `${CAUSEWAY_PREFIX}/settings`,
  /**
   * The network configuration that hosts last followed, in flannel's form: what holds while a newer one waits for
   * its confirmation. Below `settings`, so that one watch brings both.
   */
  acceptedNetwork: `${CAUSEWAY_PREFIX}/settings/network`,
} as const;

function dashed(subnet: string): string {
  return subnet.replace('/', '-');
}
