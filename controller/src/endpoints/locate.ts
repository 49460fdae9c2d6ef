import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
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
  spec: ContainerSpec,
  ref: ParsedRef,
  families: readonly Family[],
  places: Places,
): Location | string {
  const { name, host } = spec;
  const status = places.status(name);
  const fault = notRunning(spec, status?.host === host ? status : undefined);
  if (fault !== undefined) return fault;
  if (spec.network?.kind === 'p2p')
    return `container "${name}" is reached by container "${spec.network.peer}" only: its network is a link between the two`;
  const all = [status?.address, status?.ipv6Address].flatMap((address) => address ?? []);
  if (all.length === 0)
    return `container "${name}" has no address${spec.network === undefined ? ' yet' : because(status)}`;
  const served = all.filter((address) => isServed(address, families));
  if (served.length === 0) return hasNone(`container "${name}"`, families);
  if (places.isDrained(host)) return isDrained(`"${name}"`, host);
  return { addresses: served.map((address) => ({ address, node: host })), port: ref.port, container: name };
}

/** Why a container is no place that answers, a sentence. One that is to be stopped has left already. */
function notRunning(
  { name, host, want }: ContainerSpec,
  status: ContainerStatus | undefined,
): string | undefined {
  const what = `container "${name}"`;
  if (want === 'stopped') return `${what} is stopped on ${host}`;
  switch (status?.state) {
    case 'running':
      return undefined;
    case undefined:
      return `${what} has not started on ${host} yet`;
    case 'starting':
      return `${what} is being started on ${host}${because(status)}`;
    case 'exited':
      return `${what} has ended on ${host} with exit code ${status.exitCode ?? 0}`;
    case 'stopped':
      return `${what} is stopped on ${host}`;
    case 'detached':
      return `${what} does not run on ${host}${because(status)}`;
    case 'failed':
      return `${what} failed on ${host}: ${status.reason ?? 'no reason given'}`;
  }
}

function because(status: ContainerStatus | undefined): string {
  return status?.reason === undefined ? '' : `: ${status.reason}`;
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
