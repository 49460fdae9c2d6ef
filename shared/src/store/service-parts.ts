import type { EndpointSet } from '../model/endpoint.ts';
import type { ServiceSpec } from '../model/service.ts';
import type { Snapshot } from '../model/snapshot.ts';

/** What one key of a service holds. */
export type ServicePart = { readonly spec: ServiceSpec } | { readonly set: EndpointSet };
type Sorted = Pick<Snapshot, 'services' | 'endpoints' | 'since'>;

/**
 * Makes the function that puts specifications and endpoints apart. It remembers the last parts: where all of them are
 * at their places and only some hold something else, as after most changes, only those are put anew.
 */
export function serviceSorter(): (parts: readonly ServicePart[]) => Sorted {
  let last: { readonly parts: readonly ServicePart[]; readonly sorted: Sorted } | undefined;
  return (parts) => {
    const sorted =
      (last === undefined ? undefined : patched(last.parts, last.sorted, parts)) ?? sortAll(parts);
    last = { parts, sorted };
    return sorted;
  };
}

function sortAll(parts: readonly ServicePart[]): Sorted {
  const services: ServiceSpec[] = [];
  const endpoints = new Map<string, EndpointSet>();
  for (const part of parts) {
    if ('spec' in part) services.push(part.spec);
    else endpoints.set(part.set.service, part.set);
  }
  return { services, endpoints };
}

/** @returns the same as `sortAll`; undefined where a part is of another kind or service than the last one there */
function patched(
  from: readonly ServicePart[],
  { services, endpoints }: Sorted,
  to: readonly ServicePart[],
): Sorted | undefined {
  if (from.length !== to.length) return undefined;
  const specs = new Map<ServiceSpec, ServiceSpec>();
  const sets: EndpointSet[] = [];
  for (let i = 0; i < to.length; i++) {
    const [before, part] = [from[i], to[i]];
    if (before === part || before === undefined || part === undefined) continue;
    if ('spec' in before && 'spec' in part && before.spec.name === part.spec.name)
      specs.set(before.spec, part.spec);
    else if ('set' in before && 'set' in part && before.set.service === part.set.service) sets.push(part.set);
    else return undefined;
  }
  if (specs.size + sets.length === 0) return { services, endpoints };
  const changed = [...[...specs.keys()].map(({ name }) => name), ...sets.map(({ service }) => service)];
  return {
    since: { services, endpoints, changed: new Set(changed) },
    services: specs.size === 0 ? services : services.map((spec) => specs.get(spec) ?? spec),
    endpoints: sets.length === 0 ? endpoints : withSets(endpoints, sets),
  };
}

function withSets(endpoints: Sorted['endpoints'], sets: readonly EndpointSet[]): Sorted['endpoints'] {
  const changed = new Map(endpoints);
  for (const set of sets) changed.set(set.service, set);
  return changed;
}
