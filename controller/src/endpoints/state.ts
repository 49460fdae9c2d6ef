import type { Endpoint } from '@causeway/shared/model/endpoint';
import type { EndpointRef, ServiceSpec } from '@causeway/shared/model/service';
import { checkerOf } from './checker.ts';
import type { Places } from './places.ts';
import { formatPlace } from './ref.ts';

/** Longest reason of an agent's that is repeated for an endpoint, characters: a set is one value in etcd. */
const MAX_REASON = 120;

/**
 * Says whether an endpoint takes connections, and who asks whether it does. A dead host or a failed check weighs more
 * than being drained: what does not answer is not the last resort either.
 */
export function stateOf(endpoint: Endpoint, ref: EndpointRef, spec: ServiceSpec, places: Places): Endpoint {
  const checkedBy = spec.health === undefined ? undefined : askerOf(endpoint, spec.health.type, places);
  const asked = { ...endpoint, ...(checkedBy === undefined ? {} : { checkedBy }) };
  const drained = drainOf(ref);
  const why = deadHost(endpoint, places) ?? complaint(checkedBy, endpoint, spec, places);
  if (why !== undefined) return { ...asked, ...drained, state: 'unready', reason: why };
  return { ...asked, ...drained };
}

function drainOf({ drain }: EndpointRef): Partial<Endpoint> {
  if (drain === undefined) return {};
  if (drain.until === undefined) return { state: 'draining', reason: 'it is being drained' };
  return { state: 'draining', reason: `it is being drained until ${drain.until}`, drainUntil: drain.until };
}

/** A container's host is always one of ours; an address counts as such where a host that we know leases its subnet. */
function deadHost({ node, container }: Endpoint, places: Places): string | undefined {
  if (node === undefined || (container === undefined && !places.isHost(node))) return undefined;
  return places.isAlive(node) ? undefined : `its host "${node}" is not alive`;
}

/** The endpoint's own host; for one that no host of ours has, a live one. A command needs a container to run in. */
function askerOf(
  { address, port, node, container }: Endpoint,
  type: string,
  places: Places,
): string | undefined {
  if (type === 'command' && container === undefined) return undefined;
  if (node !== undefined && (container !== undefined || places.isHost(node))) return node;
  return checkerOf(formatPlace({ address, port }), places.liveHosts());
}

function complaint(
  checkedBy: string | undefined,
  endpoint: Endpoint,
  spec: ServiceSpec,
  places: Places,
): string | undefined {
  const why = checkedBy === undefined ? undefined : places.complaint(checkedBy, spec.name, endpoint);
  return why !== undefined && why.length > MAX_REASON ? `${why.slice(0, MAX_REASON)}…` : why;
}
