import type { EndpointSet } from '../model/endpoint.ts';
import type { ServiceSpec } from '../model/service.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { SortedMap } from '../sorted-map.ts';
import { difference } from './order.ts';
import { readService, type ServiceReading } from './service.ts';

/** All services of a snapshot, as one host reads them. All maps are by a service's name. */
export interface Readings {
  readonly services: Snapshot['services'];
  readonly specs: SortedMap<ServiceSpec>;
  readonly endpoints: SortedMap<EndpointSet>;
  readonly all: SortedMap<ServiceReading>;
  /** Sentences, of those of which there are some. */
  readonly problems: SortedMap<readonly string[]>;
}

export const NOTHING_READ: Readings = {
  services: [],
  specs: SortedMap.of(),
  endpoints: SortedMap.of(),
  all: SortedMap.of(),
  problems: SortedMap.of(),
};

/** @param last those of an earlier snapshot, of the same host: only what is another object since is read. Pure. */
export function readAll(snapshot: Snapshot, host: string, last: Readings): Readings {
  const { services } = snapshot;
  const endpoints = SortedMap.of(snapshot.endpoints);
  const { gone, come } = difference(last.services, services);
  const specs = last.specs.with([
    ...gone.map(({ name }) => [name, undefined] as const),
    ...come.map((spec) => [spec.name, spec] as const),
  ]);
  const names = new Set([
    ...[...gone, ...come].map(({ name }) => name),
    ...endpoints.changesSince(last.endpoints).map(({ key }) => key),
  ]);
  const read = [...names].map((name) => {
    const spec = specs.get(name);
    // Endpoints may be there without their service.
    return [name, spec === undefined ? undefined : readService(spec, endpoints.get(name), host)] as const;
  });
  const problems = read.map(
    ([name, reading]) => [name, reading?.problems.length ? reading.problems : undefined] as const,
  );
  return {
    ...{ services, specs, endpoints },
    all: last.all.with(read),
    problems: last.problems.with(problems),
  };
}
