import { show } from '../errors.ts';
import type { Endpoint, EndpointSet, EndpointState } from '../model/endpoint.ts';
import type { ServicePort, ServiceSpec } from '../model/service.ts';
import { FAMILY_NAMES, type Family } from '../net/family.ts';
import { type Address, addressOf, canonicalText, familyOfAddress, placeOf } from './address.ts';
import type { EndpointIntent } from './intent.ts';

/** An endpoint of a port that can be reached as far as its address goes. */
export interface Place {
  /** Of weight 0 at least: one that has none takes no new connections. */
  readonly intent: EndpointIntent;
  readonly state: EndpointState;
  /** The host that it runs on, when known. */
  readonly node: string | undefined;
}

export type Places = Readonly<Record<Family, readonly Place[]>>;

/**
 * The port's endpoints by family, sorted by address, then port, without doubles: the first that names a place says
 * what holds of it.
 *
 * @param families those that the service serves
 * @param problems gets a sentence for each that is left out
 */
export function placesOf(
  spec: ServiceSpec,
  port: ServicePort,
  resolved: EndpointSet | undefined,
  families: readonly Family[],
  problems: string[],
): Places {
  const sorted: Record<Family, Map<Address, Place>> = { ipv4: new Map(), ipv6: new Map() };
  for (const endpoint of resolved?.endpoints ?? []) {
    if (endpoint.portName !== port.name) continue;
    const place = addressOf(endpoint.address);
    const reason = faultOf(endpoint, place, spec, families);
    if (place === undefined || reason !== undefined) {
      const text = show(`${endpoint.address}:${endpoint.port}`);
      problems.push(`service ${show(spec.name)}: endpoint ${text} is left out: ${reason}`);
      continue;
    }
    const [all, key] = [sorted[familyOfAddress(place)], placeOf(place, endpoint.port)];
    if (!all.has(key)) all.set(key, readPlace(endpoint, place));
  }
  return { ipv4: inOrder(sorted.ipv4), ipv6: inOrder(sorted.ipv6) };
}

/** States of those that may take connections, the first ones rather than the others. */
const STAGES: readonly EndpointState[] = ['ready', 'draining', 'unready'];

/**
 * Those that take new connections: the ready ones; where none is, those that drain, so that a service is not cut off by
 * the going of its last; where none does, the unready ones, if the service would rather try them than refuse. A drained
 * one takes none in any case.
 */
export function takingConnections(all: readonly Place[], spec: ServiceSpec): readonly EndpointIntent[] {
  const places = all.filter(({ intent, state }) => intent.weight > 0 && state !== 'drained');
  if (spec.publishNotReady === true) return intentsOf(places);
  const stages = spec.whenUnhealthy === 'open' ? STAGES : STAGES.slice(0, 2);
  for (const stage of stages) {
    const found = places.filter(({ state }) => state === stage);
    if (found.length > 0) return intentsOf(found);
  }
  return [];
}

/** Those of the others that keep the connections that they have: all but the unready and the drained ones. */
export function keepingConnections(
  places: readonly Place[],
  taking: readonly EndpointIntent[],
  { publishNotReady }: ServiceSpec,
): readonly EndpointIntent[] {
  const taken = new Set(taking);
  const others = places.filter(
    ({ intent, state }) =>
      !taken.has(intent) && state !== 'drained' && (publishNotReady === true || state !== 'unready'),
  );
  return intentsOf(others);
}

/** Those whose connections are cut. */
export function drainedOf(places: readonly Place[]): readonly EndpointIntent[] {
  return intentsOf(places.filter(({ state }) => state === 'drained'));
}

/** The controller let none of this through; a key that somebody else wrote into etcd may still hold it. */
function faultOf(
  { address, port, weight = 1 }: Endpoint,
  place: Address | undefined,
  { vips }: ServiceSpec,
  families: readonly Family[],
): string | undefined {
  if (place === undefined || !isPort(port) || vips.includes(address)) return 'it cannot be reached';
  if (!Number.isInteger(weight) || weight < 0) return `its weight is ${show(weight)}`;
  if (families.includes(familyOfAddress(place))) return undefined;
  return `the service is one of ${families.map((family) => FAMILY_NAMES[family]).join(' and ')}`;
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

function readPlace({ address, port, weight = 1, state = 'ready', node }: Endpoint, place: Address): Place {
  return { intent: { address: canonicalText(address, place), port, weight }, state, node };
}

function inOrder(places: ReadonlyMap<Address, Place>): readonly Place[] {
  return [...places].sort(([a], [b]) => (a < b ? -1 : Number(a > b))).map(([, place]) => place);
}

function intentsOf(places: readonly Place[]): readonly EndpointIntent[] {
  return places.map(({ intent }) => intent);
}
