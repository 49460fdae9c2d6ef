import type { Endpoint, EndpointSet } from '@causeway/shared/model/endpoint';
import type { Drain, EndpointRef, ServicePort, ServiceSpec } from '@causeway/shared/model/service';
import { type Location, locate } from './locate.ts';
import type { Places } from './places.ts';
import { parseEndpointRef, placeKey } from './ref.ts';
import { stateOf } from './state.ts';

/** Most places that a service's ports lead to, in all: they are one value in etcd, of 1.5 MB at most. */
export const MAX_PLACES = 4_000;
/** Most bytes of them; the rest of etcd's 1.5 MB is for the service itself, which is written with them. */
const MAX_BYTES = 1_000_000;
/** Of the longest names there are, and each with a reason, this many are less than that. */
const ALWAYS_FIT = 1_000;
const MAX_SENTENCES = 1_000;

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
  const endpoints = fitting(sorted.map(([, endpoint]) => endpoint));
  const left = sorted.length - endpoints.length;
  if (left > 0) unresolved.add(`${left} endpoints are left out: one service cannot have as many`);
  return { service: spec.name, endpoints, unresolved: shortened([...unresolved]) };
}

/** As many as one value in etcd holds: a selector may find any number, and names may be long. */
function fitting(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (endpoints.length <= ALWAYS_FIT) return endpoints;
  let bytes = 0;
  const end = endpoints.findIndex((endpoint, index) => {
    bytes += Buffer.byteLength(JSON.stringify(endpoint)) + 1;
    return index >= MAX_PLACES || bytes > MAX_BYTES;
  });
  return end < 0 ? endpoints : endpoints.slice(0, end);
}

function shortened(sentences: readonly string[]): readonly string[] {
  const left = sentences.length - MAX_SENTENCES;
  if (left <= 0) return sentences;
  return [...sentences.slice(0, MAX_SENTENCES), `${left} more references lead nowhere`];
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
