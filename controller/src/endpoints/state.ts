import type { Endpoint } from '@causeway/shared/model/endpoint';
import type { EndpointRef, ServiceSpec } from '@causeway/shared/model/service';
import { checkerOf } from './checker.ts';
import type { Places } from './places.ts';
import { formatPlace } from './ref.ts';

/** Longest reason of an agent's that is repeated for an endpoint, characters: a set is one value in etcd. */
const MAX_REASON = 120;

/**
 * For how long an endpoint that is new to its service waits for the first word about its health, milliseconds. Whoever
 * asks speaks at once, if only to say that there is no answer yet: later than this nobody is there who could ask.
 */
const UNASKED_MS = 30_000;

/**
 * Says whether an endpoint takes connections, and who asks whether it does. One whose drain is over takes none in any
 * case. Otherwise a dead host or a failed check weighs more than being drained: what does not answer is not the last
 * resort either.
 *
 * @param stored what its set says of it now; undefined: it is new there
 */
export function stateOf(
  endpoint: Endpoint,
  ref: EndpointRef,
  spec: ServiceSpec,
  places: Places,
  stored: Endpoint | undefined,
): Endpoint {
  const isAsked = spec.health !== undefined && canBeAsked(endpoint, spec.health.type);
  const checkedBy = isAsked ? askerOf(endpoint, places) : undefined;
  const asked = { ...endpoint, ...(checkedBy === undefined ? {} : { checkedBy }) };
  const drained = drainOf(ref, places.now, stored);
  if (drained.state === 'drained') return { ...asked, ...drained };
  const dead = deadHost(endpoint, places);
  if (dead !== undefined) return { ...asked, ...drained, state: 'unready', reason: dead };
  return { ...asked, ...drained, ...(isAsked ? healthOf(asked, spec, places, stored) : {}) };
}

/** One that is stored as drained until this moment stays so: another controller's clock may be ahead of this one's. */
function drainOf({ drain }: EndpointRef, now: number, stored: Endpoint | undefined): Partial<Endpoint> {
  if (drain === undefined) return {};
  const { until } = drain;
  if (until === undefined) return { state: 'draining', reason: 'it is being drained' };
  const wasOver = stored?.state === 'drained' && stored.drainUntil === until;
  if (wasOver || Date.parse(until) <= now)
    return { state: 'drained', reason: `the deadline of its drain, ${until}, is over`, drainUntil: until };
  return { state: 'draining', reason: `it is being drained until ${until}`, drainUntil: until };
}

/**
 * What is known of an endpoint's health. Where its asker has not said a word, since it is another one than before or
 * the host has just come back, what is stored holds; of one that is new nothing is, and it waits for the first word.
 */
function healthOf(
  endpoint: Endpoint,
  spec: ServiceSpec,
  { verdict, now }: Places,
  stored: Endpoint | undefined,
): Partial<Endpoint> {
  const { checkedBy } = endpoint;
  const word = checkedBy === undefined ? undefined : verdict(checkedBy, spec.name, endpoint);
  if (word === 'healthy') return {};
  if (word !== undefined) return { state: 'unready', reason: shortened(word.complaint) };
  if (stored === undefined || wasOnDeadHost(stored)) return unasked(new Date(now + UNASKED_MS).toISOString());
  const { state, reason, unaskedUntil } = stored;
  if (unaskedUntil !== undefined) return Date.parse(unaskedUntil) > now ? unasked(unaskedUntil) : {};
  return state === 'unready' ? { state, ...(reason === undefined ? {} : { reason }) } : {};
}

function unasked(until: string): Partial<Endpoint> {
  return { state: 'unready', reason: 'it has not been asked yet', unaskedUntil: until };
}

function shortened(reason: string): string {
  return reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason;
}

/** A container's host is always one of ours; an address counts as such where a host that we know has it or its subnet. */
function deadHost({ node, container }: Endpoint, places: Places): string | undefined {
  if (node === undefined || (container === undefined && !places.isHost(node))) return undefined;
  return places.isAlive(node) ? undefined : notAlive(node);
}

function wasOnDeadHost({ state, node, reason }: Endpoint): boolean {
  return state === 'unready' && node !== undefined && reason === notAlive(node);
}

function notAlive(host: string): string {
  return `its host "${host}" is not alive`;
}

/** A command needs a container to run in. */
function canBeAsked({ container }: Endpoint, type: string): boolean {
  return type !== 'command' || container !== undefined;
}

/** The endpoint's own host; for one that no host of ours has, a live one. */
function askerOf({ address, port, node, container }: Endpoint, places: Places): string | undefined {
  if (node !== undefined && (container !== undefined || places.isHost(node))) return node;
  return checkerOf(formatPlace({ address, port }), places.liveHosts());
}
