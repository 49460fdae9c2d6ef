import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { HostFacts } from '@causeway/shared/model/host-facts';
import { entriesOf, mapFamilies } from '@causeway/shared/net/family';
import { VERSION } from '@causeway/shared/version';
import type { EventLog } from './cluster/events.ts';
import type { Place } from './cluster/place.ts';
import type { AgentConfig } from './config.ts';
import type { FactsRequest, HostInfo, Kernel } from './kernel/kernel.ts';
import type { Candidate } from './lease/membership.ts';
import type { Logger } from './logger.ts';

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

export interface HostReader {
  /** The link and the addresses that hold at the moment. */
  known(): HostFacts;
  /**
   * Reads them again, and tells the cluster when they are others.
   *
   * @throws CausewayError as `Kernel.host`; what is known holds then
   */
  read(): Promise<HostInfo>;
}

export interface HostReaderDeps {
  readonly kernel: Kernel;
  readonly request: FactsRequest;
  readonly dataplane: Dataplane;
  readonly place: Place;
  readonly events: EventLog;
  readonly log: Logger;
}

/** Follows the host's address on the hosts' network. @param host as it was read when the agent started */
export function hostReader(deps: HostReaderDeps, host: HostInfo): HostReader {
  const { kernel, request, dataplane, place, events, log } = deps;
  let { facts } = host;
  return {
    known: () => facts,
    read: async () => {
      const found = await kernel.host({ ...request, known: facts });
      const [from, to] = [whereabouts(facts), whereabouts(found.facts)];
      facts = found.facts;
      if (from !== to) {
        log.warn({ from, to }, "the host's address is another");
        events.add('address-changed', 'info', `${request.name} was ${from} to the other hosts and is ${to}`);
      }
      place.present(candidate(found, dataplane));
      return found;
    },
  };
}

/** `192.168.122.11 and fd00:122::b on eth0` */
function whereabouts(facts: HostFacts): string {
  const addresses = entriesOf(facts).map(([, { publicIp }]) => publicIp);
  return `${addresses.join(' and ')} on ${facts.iface}`;
}
