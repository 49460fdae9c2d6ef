import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type { Endpoint, EndpointSet } from '@causeway/shared/model/endpoint';
import type { ServicePort, ServiceSpec } from '@causeway/shared/model/service';
import { parseAddress } from '@causeway/shared/net/cidr';
import type { HostAt } from './hosts-by-subnet.ts';
import { type EndpointRef, parseEndpointRef } from './ref.ts';

/** What resolving must know of the cluster. */
export interface Places {
  container(name: string): ContainerSpec | undefined;
  status(name: string): ContainerStatus | undefined;
  readonly hostAt: HostAt;
  /** Whether a host's endpoints have left the services. */
  isDrained(host: string): boolean;
}

/**
 * Says where a service's references lead. Pure: the same input gives the same set, in the same order, so
 * that a set is written only when something differs.
 */
export function resolve(spec: ServiceSpec, places: Places): EndpointSet {
  const found = new Map<string, Endpoint>();
  const unresolved: string[] = [];
  for (const text of spec.endpoints) {
    const place = locate(text, places);
    if (typeof place === 'string') unresolved.push(place);
    else
      for (const endpoint of perPort(spec.ports, text, place))
        found.set(identity(endpoint), found.get(identity(endpoint)) ?? endpoint);
  }
  return { service: spec.name, endpoints: [...found.values()].sort(byPlace), unresolved };
}

/** What tells one endpoint of a service from another. */
function identity(endpoint: Pick<Endpoint, 'portName' | 'address' | 'port'>): string {
  return `${endpoint.portName} ${endpoint.address}:${endpoint.port}`;
}

interface Place {
  readonly address: string;
  readonly port: number | undefined;
  readonly container?: string;
  readonly node?: string;
}

/** @returns a sentence when the reference names nothing that runs. */
function locate(text: string, places: Places): Place | string {
  const ref = parseEndpointRef(text);
  if (ref === undefined) return `"${text}" is not an endpoint`;
  if (ref.container !== undefined) return locateContainer(ref.container, ref, places);
  const node = places.hostAt(ref.address);
  if (node !== undefined && places.isDrained(node)) return drained(text, node);
  return { address: ref.address, port: ref.port, ...(node === undefined ? {} : { node }) };
}

function locateContainer(name: string, ref: EndpointRef, places: Places): Place | string {
  const spec = places.container(name);
  if (spec === undefined) return `there is no container "${name}"`;
  const status = places.status(name);
  if (status === undefined || status.host !== spec.host)
    return `container "${name}" has not started on ${spec.host} yet`;
  if (status.state !== 'running')
    return `container "${name}" failed on ${spec.host}: ${status.reason ?? 'no reason given'}`;
  if (status.address === undefined) {
    return status.ipv6Address === undefined
      ? `container "${name}" has no address yet`
      : `container "${name}" has no IPv4 address, and services have no other yet`;
  }
  if (places.isDrained(status.host)) return drained(name, status.host);
  return { address: status.address, port: ref.port, container: name, node: status.host };
}

function drained(what: string, host: string): string {
  return `"${what}" is on ${host}, which is drained`;
}

function perPort(ports: readonly ServicePort[], ref: string, place: Place): readonly Endpoint[] {
  return ports.map((port) => ({
    portName: port.name,
    address: place.address,
    port: place.port ?? port.targetPort,
    ref,
    ...(place.container === undefined ? {} : { container: place.container }),
    ...(place.node === undefined ? {} : { node: place.node }),
  }));
}

function byPlace(a: Endpoint, b: Endpoint): number {
  return (
    compare(a.portName, b.portName) ||
    (parseAddress(a.address) ?? 0) - (parseAddress(b.address) ?? 0) ||
    a.port - b.port
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
