import { keys } from '@causeway/shared/store/keys';
import type { ClusterFacts } from '../validate/cluster-facts.ts';

/**
 * The facts, corrected by what a lost race taught.
 *
 * @param owners services by the keys of VIPs and NodePorts; undefined: nobody has it
 */
export function withOwners(
  facts: ClusterFacts,
  owners: ReadonlyMap<string, string | undefined>,
): ClusterFacts {
  if (owners.size === 0) return facts;
  const corrected = (key: string, known: string | undefined) => (owners.has(key) ? owners.get(key) : known);
  return {
    ...facts,
    vipOwner: (address) => corrected(keys.vip(address), facts.vipOwner(address)),
    nodePortOwner: (protocol, port) =>
      corrected(keys.nodePort(protocol, port), facts.nodePortOwner(protocol, port)),
  };
}
