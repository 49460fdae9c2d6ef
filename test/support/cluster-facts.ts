import type { ClusterFacts } from '@causeway/controller/validate/cluster-facts';
import { type Block, parseBlock } from '@causeway/shared/net/block';

/** A cluster of one host, `host-1`, with every container, no workload and no service, for tests of validation. */
export const EMPTY_CLUSTER: ClusterFacts = {
  networks: { ipv4: block('10.10.0.0/16') },
  serviceRanges: { ipv4: block('10.96.0.0/16'), ipv6: block('fd00:10:96::/112') },
  nodePortMin: 30000,
  nodePortMax: 32767,
  vipOwner: () => undefined,
  nodePortCidrs: [],
  nodePortOwner: () => undefined,
  publishers: () => [],
  addressesOf: () => [],
  hostOf: () => undefined,
  networkAt: () => undefined,
  serviceWithEndpointAt: () => undefined,
  hasContainer: () => true,
  container: () => undefined,
  containers: () => [],
  containerAt: () => undefined,
  hasWorkload: () => false,
  workloadAt: () => undefined,
  hosts: () => ['host-1'],
  host: () => undefined,
  isCordoned: () => false,
};

export function block(text: string): Block {
  const parsed = parseBlock(text);
  if (parsed === undefined) throw new Error(`${text} is no CIDR`);
  return parsed;
}
