import type { Endpoint, EndpointSet } from '@causeway/shared/model/endpoint';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard } from '@causeway/shared/store/store';
import type { Change } from '../allocate/transaction.ts';
import { placesOf } from '../view/places.ts';
import type { Stored } from '../view/tables.ts';
import type { View } from '../view/view.ts';
import type { Places } from './places.ts';
import { parseEndpointRef } from './ref.ts';
import { resolve } from './resolve.ts';

/** Whether a service's endpoints are what its references lead to, or never will be: it is gone or cannot be read. */
export function isSettled(view: View, name: string, now: number): boolean {
  return updateOf(view, name, placesOf(view, now)) === undefined;
}

/** What would make a service's endpoints what its references lead to. */
export interface Update extends Change {
  readonly set: EndpointSet;
  /** The rows that it was made from. */
  readonly from: readonly [spec: Stored<ServiceSpec>, old: Stored<EndpointSet> | undefined];
}

/** Whether an update was made from something that is not so any more. */
export function isOvertaken({ tables }: View, { set, from }: Update): boolean {
  const [spec, old] = from;
  return tables.service.get(set.service) !== spec || tables.endpoints.get(set.service) !== old;
}

/** What these services lack, as far as anything; of one of which nobody can say what its endpoints are, nothing. */
export function updatesOf(view: View, names: readonly string[], now: number): readonly Update[] {
  const places = placesOf(view, now);
  return names.flatMap((name) => updateOf(view, name, places) ?? []);
}

function updateOf(view: View, name: string, places: Places): Update | undefined {
  const spec = view.tables.service.get(name);
  if (spec === undefined || view.unreadable.has(keys.serviceSpec(name)) || isUncertain(spec.value, view))
    return undefined;
  const key = keys.serviceEndpoints(name);
  // A set that does not parse is written over.
  const isUnreadable = view.unreadable.has(key);
  const stored = view.tables.endpoints.get(name);
  const old = isUnreadable ? undefined : stored;
  const set = resolved(spec.value, old?.value, view, places);
  if (old !== undefined && sameSet(old.value, set)) return undefined;
  const guards: Guard[] = [{ key: keys.serviceSpec(name), modRevision: spec.revision }];
  if (old !== undefined) guards.push({ key, modRevision: old.revision });
  else if (!isUnreadable) guards.push({ key, absent: true });
  return { guards, writes: [{ put: key, value: encode(set) }], set, from: [spec, stored] };
}

/**
 * Where a service's references lead. Nobody knows which labels a container has whose key never could be read: what was
 * selected of it stays, at the ports that the service has.
 *
 * @param old the set as it is stored
 */
export function resolved(
  spec: ServiceSpec,
  old: EndpointSet | undefined,
  view: View,
  places: Places,
): EndpointSet {
  const isAllKnown = spec.selector === undefined || view.unreadable.size === 0;
  const unknown = isAllKnown ? [] : old?.endpoints.filter(({ ref }) => isUnknown(ref, view));
  return resolve(spec, places, old, unknown);
}

/** Whether something that the service names is in a key that never could be read: it may well run. */
function isUncertain(spec: ServiceSpec, view: View): boolean {
  if (view.unreadable.size === 0) return false;
  return spec.endpoints.some(({ to }) => {
    const name = parseEndpointRef(to)?.name;
    return name !== undefined && isUnknown(name, view);
  });
}

function isUnknown(name: string, { tables, unreadable }: View): boolean {
  const isLost = (key: string, table: ReadonlyMap<string, unknown>) =>
    unreadable.has(key) && !table.has(name);
  return (
    isLost(keys.container(name), tables.container) ||
    isLost(keys.containerStatus(name), tables.containerStatus) ||
    isLost(keys.workload(name), tables.workload)
  );
}

function sameSet(a: EndpointSet, b: EndpointSet): boolean {
  return (
    isSame(a.unresolved, b.unresolved, (one, other) => one === other) &&
    isSame(a.endpoints, b.endpoints, (one, other) => FIELDS.every((field) => one[field] === other[field]))
  );
}

function isSame<T>(a: readonly T[], b: readonly T[], same: (one: T, other: T) => boolean): boolean {
  return a.length === b.length && a.every((one, index) => same(one, b[index] as T));
}

/** Every field of an endpoint, so that whoever adds one has to add it here. */
const NAMED: { readonly [K in keyof Required<Endpoint>]: true } = {
  portName: true,
  address: true,
  port: true,
  ref: true,
  state: true,
  reason: true,
  weight: true,
  drainUntil: true,
  container: true,
  node: true,
  checkedBy: true,
  unaskedUntil: true,
};
const FIELDS = Object.keys(NAMED) as readonly (keyof Endpoint)[];
