import type { ContainerSpec } from '@causeway/shared/model/container';
import type { Workload } from '@causeway/shared/model/workload';
import { familyOf } from '@causeway/shared/net/block';
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import type { Places } from './places.ts';
import { type ParsedRef, parseEndpointRef } from './ref.ts';

/** Where a reference leads: an address in each family that it has and the service is served in. */
export interface Location {
  readonly addresses: readonly Address[];
  readonly port: number | undefined;
  readonly container?: string;
}

export interface Address {
  readonly address: string;
  /** The host that it is on, when known. */
  readonly node?: string;
}

/** @returns a sentence when the reference names nothing that runs where the service is served */
export function locate(text: string, families: readonly Family[], places: Places): Location | string {
  const ref = parseEndpointRef(text);
  if (ref === undefined) return `"${text}" is not an endpoint`;
  if (ref.address !== undefined) return at([ref.address], `"${text}"`, ref, families, places);
  const container = places.container(ref.name);
  if (container !== undefined) return locateContainer(container, ref, families, places);
  const workload = places.workload(ref.name);
  if (workload !== undefined) return locateWorkload(workload, ref, families, places);
  return `there is no container or workload "${ref.name}"`;
}

function locateContainer(
  { name, host }: ContainerSpec,
  ref: ParsedRef,
  families: readonly Family[],
  places: Places,
): Location | string {
  const status = places.status(name);
  if (status === undefined || status.host !== host)
    return `container "${name}" has not started on ${host} yet`;
  if (status.state !== 'running')
    return `container "${name}" failed on ${host}: ${status.reason ?? 'no reason given'}`;
  const all = [status.address, status.ipv6Address].flatMap((address) => address ?? []);
  if (all.length === 0) return `container "${name}" has no address yet`;
  const served = all.filter((address) => isServed(address, families));
  if (served.length === 0) return hasNone(`container "${name}"`, families);
  if (places.isDrained(host)) return isDrained(`"${name}"`, host);
  return { addresses: served.map((address) => ({ address, node: host })), port: ref.port, container: name };
}

function locateWorkload(
  { name, addresses }: Workload,
  ref: ParsedRef,
  families: readonly Family[],
  places: Places,
): Location | string {
  return at(addresses, `workload "${name}"`, ref, families, places);
}

function at(
  all: readonly string[],
  what: string,
  ref: ParsedRef,
  families: readonly Family[],
  places: Places,
): Location | string {
  const served = all.filter((address) => isServed(address, families));
  if (served.length === 0) return hasNone(what, families);
  const addresses = served.map((address): Address => {
    const node = places.hostAt(address);
    return { address, ...(node === undefined ? {} : { node }) };
  });
  const left = addresses.filter(({ node }) => node === undefined || !places.isDrained(node));
  if (left.length === 0) return isDrained(what, addresses[0]?.node ?? '');
  return { addresses: left, port: ref.port };
}

function isServed(address: string, families: readonly Family[]): boolean {
  const family = familyOf(address);
  return family !== undefined && families.includes(family);
}

function hasNone(what: string, families: readonly Family[]): string {
  const names = families.map((family) => FAMILY_NAMES[family]).join(' or ');
  return `${what} has no ${names} address, and the service is served in no other family`;
}

function isDrained(what: string, host: string): string {
  return `${what} is on ${host}, which is drained`;
}
