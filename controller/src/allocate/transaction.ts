import type { EndpointSet } from '@causeway/shared/model/endpoint';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, Write } from '@causeway/shared/store/store';
import type { Stored } from '../view/tables.ts';

/** One change of etcd: all of it happens, in one revision, or none. */
export interface Change {
  readonly guards: readonly Guard[];
  readonly writes: readonly Write[];
}

/** That a key is as it was read: absent, at its row's revision, or there all the same where nobody can read it. */
export function unchanged(key: string, row: Stored<unknown> | undefined, isUnreadable: boolean): Guard {
  if (row !== undefined) return { key, modRevision: row.revision };
  return isUnreadable ? { key, present: true } : { key, absent: true };
}

/**
 * Makes a service or replaces it, with its endpoints and everything that it allocates, in one transaction:
 * a crash at any moment leaves neither a service without its VIP nor a VIP without its service.
 *
 * @param before the service as it was read; its revision is a guard. Absent: the name must be free.
 * @param held allocation keys that are the service's already
 * @param from that what the service was made from is as it was read
 */
export function putService(
  before: Stored<ServiceSpec> | undefined,
  held: readonly string[],
  spec: ServiceSpec,
  endpoints: EndpointSet,
  from: readonly Guard[],
): Change {
  const had = new Set(held);
  const has = new Set(allocations(spec));
  const added = [...has].filter((key) => !had.has(key));
  const dropped = [...had].filter((key) => !has.has(key));
  const specKey = keys.serviceSpec(spec.name);
  return {
    guards: [
      before === undefined ? { key: specKey, absent: true } : { key: specKey, modRevision: before.revision },
      ...from,
      ...added.map((key): Guard => ({ key, absent: true })),
      ...dropped.map((key): Guard => ({ key, value: spec.name })),
    ],
    writes: [
      ...added.map((key): Write => ({ put: key, value: spec.name })),
      ...(added.length === 0 ? [] : [{ put: keys.lastAllocation, value: spec.name }]),
      ...dropped.map((key): Write => ({ delete: key })),
      { put: specKey, value: encode(spec) },
      { put: keys.serviceEndpoints(spec.name), value: encode(endpoints) },
    ],
  };
}

/**
 * Removes a service with its endpoints and allocations.
 *
 * @param revision of the spec as it was read; a guard
 * @param held allocation keys that are the service's; each must hold its name still
 */
export function deleteService(name: string, revision: number, held: readonly string[]): Change {
  return {
    guards: [
      { key: keys.serviceSpec(name), modRevision: revision },
      ...held.map((key): Guard => ({ key, value: name })),
    ],
    writes: [
      { delete: keys.serviceSpec(name) },
      { delete: keys.serviceEndpoints(name) },
      ...held.map((key): Write => ({ delete: key })),
    ],
  };
}

/** The allocation keys that a service holds. */
export function allocations(spec: ServiceSpec): readonly string[] {
  const nodePorts = spec.ports.flatMap((port) =>
    port.nodePort === undefined ? [] : [keys.nodePort(port.protocol, port.nodePort)],
  );
  return [...spec.vips.map(keys.vip), ...nodePorts];
}
