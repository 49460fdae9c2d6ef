import type { Endpoint, EndpointSet } from '@causeway/shared/model/endpoint';
import type { EndpointRef, ServicePort, ServiceSpec } from '@causeway/shared/model/service';
import { familyOf } from '@causeway/shared/net/block';
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
/** Most bytes of these, and most characters of one: reasons of others' are repeated in them. */
const MAX_SENTENCE_BYTES = 200_000;
const MAX_SENTENCE = 200;

/**
 * Says where a service's references and its selector lead, and in which state everything there is. Pure: the same input
 * gives the same set, in the same order, so that a set is written only when something differs.
 *
 * Of two references to one place the first counts, unless the other one's drain is over, and what is named is not
 * selected as well.
 *
 * @param stored the set as it is: what is not known anew of an endpoint stays as it has it, whichever controller asks
 * @param kept those of its endpoints that stay although nothing leads to them, as far as the service has their ports
 */
export function resolve(
  spec: ServiceSpec,
  places: Places,
  stored?: EndpointSet,
  kept: readonly Endpoint[] = [],
): EndpointSet {
  const before = remembered(spec, stored);
  const found = new Map<string, Endpoint>();
  const unresolved = new Set<string>();
  for (const ref of allRefs(spec, places)) {
    const place = locate(ref.to, spec.families, places);
    if (typeof place === 'string') {
      unresolved.add(place);
      continue;
    }
    for (const endpoint of perPort(spec.ports, ref, place)) {
      const key = keyOf(endpoint);
      const isKnown = found.has(key);
      if (isKnown && ref.drain?.until === undefined) continue;
      const now = stateOf(endpoint, ref, spec, places, before.get(key));
      if (!isKnown || now.state === 'drained') found.set(key, now);
    }
  }
  for (const endpoint of kept) {
    const key = keyOf(endpoint);
    if (!found.has(key) && isOf(spec, endpoint)) found.set(key, endpoint);
  }
  const fit = fitting([...found]);
  const left = found.size - fit.length;
  const told = shortened([...unresolved]);
  if (left > 0) told.push(`${left} endpoints are left out: one service cannot have as many`);
  const endpoints = fit.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
  return { service: spec.name, endpoints, unresolved: told };
}

/** Whether a service has the port and the family of what it once selected. */
function isOf({ ports, families }: ServiceSpec, { portName, address, port }: Endpoint): boolean {
  const family = familyOf(address);
  if (family === undefined || !families.includes(family)) return false;
  return ports.some(({ name, targetPort }) => name === portName && targetPort === port);
}

/** The endpoints as they are stored, by key: all of those whose state may follow from it. */
function remembered(spec: ServiceSpec, stored: EndpointSet | undefined): ReadonlyMap<string, Endpoint> {
  const isNeeded =
    spec.health !== undefined || spec.endpoints.some(({ drain }) => drain?.until !== undefined);
  return new Map(isNeeded ? stored?.endpoints.map((endpoint) => [keyOf(endpoint), endpoint]) : []);
}

type Keyed = readonly [key: string, endpoint: Endpoint];

/**
 * As many as one value in etcd holds: a selector may find any number, and names may be long. Every port has as many of
 * each family as the others, and what is named comes before what is selected.
 *
 * @param all in the order of the references
 */
function fitting(all: readonly Keyed[]): Keyed[] {
  if (all.length <= ALWAYS_FIT) return [...all];
  let bytes = 0;
  const inTurn = inTurns(all);
  const end = inTurn.findIndex(([, endpoint], index) => {
    bytes += Buffer.byteLength(JSON.stringify(endpoint)) + 1;
    return index >= MAX_PLACES || bytes > MAX_BYTES;
  });
  return end < 0 ? inTurn : inTurn.slice(0, end);
}

/** The first of every port and family, then the second of each, and so on. */
function inTurns(all: readonly Keyed[]): Keyed[] {
  const groups = new Map<string, number>();
  const ranked = all.map((one) => {
    const group = `${one[1].portName} ${familyOf(one[1].address)}`;
    const rank = groups.get(group) ?? 0;
    groups.set(group, rank + 1);
    return { one, rank };
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ one }) => one);
}

function shortened(sentences: readonly string[]): string[] {
  const cut = sentences.map((one) => (one.length > MAX_SENTENCE ? `${one.slice(0, MAX_SENTENCE)}…` : one));
  let bytes = 0;
  const end = cut.findIndex((one, index) => {
    bytes += Buffer.byteLength(JSON.stringify(one)) + 1;
    return index >= MAX_SENTENCES || bytes > MAX_SENTENCE_BYTES;
  });
  return end < 0 ? cut : [...cut.slice(0, end), `${cut.length - end} more references lead nowhere`];
}

/**
 * When the next of a service's endpoints has been drained for long enough, or has waited long enough to be asked,
 * milliseconds since the epoch.
 *
 * @param set as it is stored
 * @returns undefined when that is so of none
 */
export function nextDeadline(
  spec: ServiceSpec,
  set: EndpointSet | undefined,
  now: number,
): number | undefined {
  let next = Number.POSITIVE_INFINITY;
  const note = (moment: string | undefined) => {
    const at = moment === undefined ? Number.NaN : Date.parse(moment);
    if (at > now) next = Math.min(next, at);
  };
  for (const { drain } of spec.endpoints) note(drain?.until);
  if (spec.health !== undefined) for (const { unaskedUntil } of set?.endpoints ?? []) note(unaskedUntil);
  return Number.isFinite(next) ? next : undefined;
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
