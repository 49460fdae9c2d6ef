import type { Endpoint, EndpointSet } from '@causeway/shared/model/endpoint';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard } from '@causeway/shared/store/store';
import type { Change } from '../allocate/transaction.ts';
import { placesOf } from '../view/facts.ts';
import type { View } from '../view/view.ts';
import { parseEndpointRef } from './ref.ts';
import { resolve } from './resolve.ts';

/** Whether a service's endpoints are what its references lead to, or never will be: it is gone or cannot be read. */
export function isSettled(view: View, name: string, now: number): boolean {
  const spec = view.tables.service.get(name)?.value;
  if (spec === undefined || view.unreadable.has(keys.serviceSpec(name)) || isUncertain(spec, view))
    return true;
  const set = view.tables.endpoints.get(name)?.value;
  return set !== undefined && sameSet(set, resolved(spec, set, view, now));
}

/** What would make a service's endpoints what its references lead to. */
export interface Update extends Change {
  readonly set: EndpointSet;
}

/** @returns undefined when they are that already, or nobody can say what they are */
export function updateOf(view: View, name: string, now: number): Update | undefined {
  const spec = view.tables.service.get(name);
  if (spec === undefined || view.unreadable.has(keys.serviceSpec(name)) || isUncertain(spec.value, view))
    return undefined;
  const key = keys.serviceEndpoints(name);
  // A set that does not parse is written over.
  const isUnreadable = view.unreadable.has(key);
  const old = isUnreadable ? undefined : view.tables.endpoints.get(name);
  const set = resolved(spec.value, old?.value, view, now);
  if (old !== undefined && sameSet(old.value, set)) return undefined;
  const guards: Guard[] = [{ key: keys.serviceSpec(name), modRevision: spec.revision }];
  if (old !== undefined) guards.push({ key, modRevision: old.revision });
  else if (!isUnreadable) guards.push({ key, absent: true });
  return { guards, writes: [{ put: key, value: encode(set) }], set };
}

/**
 * Where a service's references lead. Nobody knows which labels a container has whose key never could be read: what was
 * selected of it stays.
 *
 * @param old the set as it is stored
 */
export function resolved(
  spec: ServiceSpec,
  old: EndpointSet | undefined,
  view: View,
  now: number,
): EndpointSet {
  const set = resolve(spec, placesOf(view, now), old);
  if (spec.selector === undefined || old === undefined) return set;
  const unknown = old.endpoints.filter(({ ref }) => isUnknown(ref, view));
  return unknown.length === 0 ? set : { ...set, endpoints: [...set.endpoints, ...unknown] };
}

/** Whether something that the service names is in a key that never could be read: it may well run. */
function isUncertain(spec: ServiceSpec, view: View): boolean {
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
  return fingerprint(a) === fingerprint(b);
}

/** Independent of the order of fields, which a codec may change. */
function fingerprint(set: EndpointSet): string {
  return JSON.stringify([set.endpoints.map(fieldsOf), set.unresolved]);
}

/** Every field of an endpoint, so that whoever adds one has to add it here. */
function fieldsOf(endpoint: Endpoint) {
  const { portName, address, port, ref, state, reason, weight, drainUntil, container, node } = endpoint;
  const { checkedBy, unaskedUntil } = endpoint;
  const fields: { readonly [K in keyof Required<Endpoint>]: Endpoint[K] | undefined } = {
    portName,
    address,
    port,
    ref,
    state,
    reason,
    weight,
    drainUntil,
    container,
    node,
    checkedBy,
    unaskedUntil,
  };
  return fields;
}
