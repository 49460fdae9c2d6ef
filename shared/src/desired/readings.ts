import type { Snapshot } from '../model/snapshot.ts';
import { readService, type ServiceReading } from './service.ts';

/** All services of a snapshot, as one host reads them. */
export interface Readings {
  readonly services: Snapshot['services'];
  readonly endpoints: Snapshot['endpoints'];
  /** One per service, in the order of the snapshot. */
  readonly all: readonly ServiceReading[];
  readonly problems: readonly string[];
  /** By name, at which place a service is. */
  readonly places: () => ReadonlyMap<string, number>;
}

/** @param last those of an earlier snapshot, of the same host; what the snapshot says to be the same is not looked at */
export function readAll(snapshot: Snapshot, host: string, last: Readings | undefined): Readings {
  const { services, endpoints, since } = snapshot;
  const isNext =
    last !== undefined && last.services === since?.services && last.endpoints === since.endpoints;
  if (isNext) return readChanged(snapshot, host, last, since.changed);
  const all = services.map((spec) => readService(spec, endpoints.get(spec.name), host));
  return { services, endpoints, all, problems: problemsOf(all), places: placesOf(services) };
}

function readChanged(
  { services, endpoints }: Snapshot,
  host: string,
  last: Readings,
  changed: ReadonlySet<string>,
): Readings {
  const all = [...last.all];
  let problems = last.problems.length;
  for (const name of changed) {
    const place = last.places().get(name);
    const spec = place === undefined ? undefined : services[place];
    // Endpoints may be there without their service.
    if (place === undefined || spec === undefined) continue;
    const reading = readService(spec, endpoints.get(name), host);
    all[place] = reading;
    problems += reading.problems.length;
  }
  return { ...last, services, endpoints, all, problems: problems === 0 ? [] : problemsOf(all) };
}

function problemsOf(all: readonly ServiceReading[]): readonly string[] {
  return all.flatMap(({ problems }) => problems);
}

/** Found out when somebody asks, and once. */
function placesOf(services: Snapshot['services']): Readings['places'] {
  let places: ReadonlyMap<string, number> | undefined;
  return () => {
    places ??= new Map(services.map(({ name }, place) => [name, place]));
    return places;
  };
}
