import type { Dataplane } from '@causeway/shared/model/dataplane';
import { mapFamilies } from '@causeway/shared/net/family';
import { VERSION } from '@causeway/shared/version';
import type { Place } from './cluster/place.ts';
import type { AgentConfig } from './config.ts';
import type { FactsRequest, HostInfo, Kernel } from './kernel/kernel.ts';
import type { Candidate } from './lease/membership.ts';

export const DEFAULT_DATAPLANE: Dataplane = 'nftables';

/** @param id the host's own */
export function factsRequest({ name, address }: AgentConfig, id: string): FactsRequest {
  return { name, id, ...address };
}

/** What a host says of itself when it joins. */
export function candidate({ facts, addresses }: HostInfo, dataplane: Dataplane): Candidate {
  const { name, id } = facts;
  const families = mapFamilies(facts, ({ publicIp, network }) => ({ publicIp, network }));
  return { name, id, addresses, dataplane, version: VERSION, ...families };
}

export interface HostReaderDeps {
  readonly kernel: Kernel;
  readonly request: FactsRequest;
  readonly dataplane: Dataplane;
  readonly place: Place;
}

/**
 * Follows the host's address on the hosts' network.
 *
 * @param host as it was read when the agent started
 * @returns reads link and addresses again and tells the cluster of them; throws as `Kernel.host`, and then what is
 *   known holds
 */
export function hostReader(deps: HostReaderDeps, host: HostInfo): () => Promise<HostInfo> {
  const { kernel, request, dataplane, place } = deps;
  let known = host.facts;
  return async () => {
    const found = await kernel.host({ ...request, known });
    known = found.facts;
    place.present(candidate(found, dataplane));
    return found;
  };
}
