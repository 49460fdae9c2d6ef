import type { ClusterFacts } from '@causeway/controller/validate/cluster-facts';
import { type Cidr, parseCidr } from '@causeway/shared/net/cidr';

/** A cluster of one host, `host-1`, with every container and no service, for tests of validation. */
export const EMPTY_CLUSTER: ClusterFacts = {
  network: block('10.10.0.0/16'),
  serviceRange: block('10.96.0.0/16'),
  nodePortMin: 30000,
  nodePortMax: 32767,
  vipOwner: () => undefined,
  nodePortOwner: () => undefined,
  hostOf: () => undefined,
  networkAt: () => undefined,
  serviceWithEndpointAt: () => undefined,
  hasContainer: () => true,
  hosts: () => ['host-1'],
  isCordoned: () => false,
};

function block(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`${text} is no CIDR`);
  return cidr;
}
