import type { Endpoint, EndpointSet } from '@causeway/shared/model/endpoint';
import type { Drain, EndpointRef, ServicePort, ServiceSpec } from '@causeway/shared/model/service';
import { type Location, locate } from './locate.ts';
import type { Places } from './places.ts';
import { parseEndpointRef, placeKey } from './ref.ts';
import { stateOf } from './state.ts';

/** Most places that a service's ports lead to, in all: they are one value in etcd, of 1.5 MB at most. */
export const MAX_PLACES = 4_000;

/**
 * Says where a service's references and its selector lead, and in which state everything there is. Pure: the same input
 * gives the same set, in the same order, so that a set is written only when something differs.
 *
 * Of two references to one place the first counts, and what is named is not selected as well.
 */
export function resolve(spec: ServiceSpec, places: Places): EndpointSet {
  const found = new Map<string, Endpoint>();
  const gone = new Set<string>();
  const unresolved = new Set<string>();
  for (const ref of allRefs(spec, places)) {
    const place = locate(ref.to, spec.families, places);
    if (typeof place === 'string') {
      unresolved.add(place);
      continue;
    }
    const isOver = ref.drain !== undefined && isPast(ref.drain, places.now);
    if (isOver) unresolved.add(`"${ref.to}" was drained until ${ref.drain?.until}, and has left`);
    for (const endpoint of perPort(spec.ports, ref, place)) {
      const key = keyOf(endpoint);
      if (isOver) gone.add(key);
      else if (!found.has(key)) found.set(key, stateOf(endpoint, ref, spec, places));
    }
  }
  const sorted = [...found].filter(([key]) => !gone.has(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  if (sorted.length > MAX_PLACES)
    unresolved.add(
      `${sorted.length - MAX_PLACES} endpoints are left out: a service has at most ${MAX_PLACES}`,
    );
  const endpoints = sorted.slice(0, MAX_PLACES).map(([, endpoint]) => endpoint);
  return { service: spec.name, endpoints, unresolved: [...unresolved] };
}

/**
 * When the next of a service's endpoints has been drained for long enough, milliseconds since the epoch.
 *
 * @returns undefined when that is so of none
 */
export function nextDeadline(spec: ServiceSpec, now: number): number | undefined {
  const ahead = spec.endpoints.flatMap(({ drain }) => {
    const until = drain?.until === undefined ? Number.NaN : Date.parse(drain.until);
    return until > now ? [until] : [];
  });
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

function isPast({ until }: Drain, now: number): boolean {
  return until !== undefined && Date.parse(until) <= now;
}

function allRefs(spec: ServiceSpec, places: Places): readonly EndpointRef[] {
  if (spec.selector === undefined) return spec.endpoints;
  const named = new Set(spec.endpoints.map(({ to }) => parseEndpointRef(to)?.name));
  const others = places.selected(spec.selector).filter((name) => !named.has(name));
  return [...spec.endpoints, ...others.map((to) => ({ to }))];
}

/** What tells one endpoint of a service from another, in the order of a set: by port, family, address, port. */
function keyOf({ portName, ...place }: Endpoint): string {
  return `${portName} ${placeKey(place)}`;
}

function perPort(ports: readonly ServicePort[], ref: EndpointRef, place: Location): readonly Endpoint[] {
  return ports.flatMap((port) =>
    place.addresses.map(({ address, node }) => ({
      portName: port.name,
      address,
      port: place.port ?? port.targetPort,
      ref: ref.to,
      ...(ref.weight === undefined ? {} : { weight: ref.weight }),
      ...(place.container === undefined ? {} : { container: place.container }),
      ...(node === undefined ? {} : { node }),
    })),
  );
}
