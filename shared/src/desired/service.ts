import { show } from '../errors.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import { PROTOCOLS, type ServicePort, type ServiceSpec } from '../model/service.ts';
import { parseAddress } from '../net/cidr.ts';
import type { EndpointIntent, ServiceIntent } from './intent.ts';

/** A service as far as it can be judged without knowing the host and the other services. */
export interface ServiceReading {
  readonly resolved: EndpointSet | undefined;
  /** One per port. */
  readonly candidates: readonly Candidate[];
  /** What was left out of its endpoints, each a sentence. */
  readonly problems: readonly string[];
}

/** One port of a service, which becomes part of the intent when nothing speaks against it. */
export interface Candidate {
  readonly intent: ServiceIntent;
  /** The VIP as a number. */
  readonly vip: number | undefined;
  /** What no other service may have, in words. */
  readonly claims: readonly string[];
  /** Why it must be left out; the end of a sentence. */
  readonly fault: string | undefined;
}

/** By specification: what was read of it last. It lives as long as the specification itself. */
const readings = new WeakMap<ServiceSpec, ServiceReading>();

/**
 * A pure function that remembers: the same two objects, which nobody changes, have the same reading, down to the
 * same intents. The snapshot keeps the objects of what did not change, so that of ten thousand services only the
 * changed ones are checked, sorted and, by their identity, compared again.
 */
export function readService(spec: ServiceSpec, resolved: EndpointSet | undefined): ServiceReading {
  const last = readings.get(spec);
  if (last !== undefined && last.resolved === resolved) return last;
  const problems: string[] = [];
  const candidates = spec.ports.map((port) => candidateOf(spec, port, resolved, problems));
  const reading = { resolved, candidates, problems };
  readings.set(spec, reading);
  return reading;
}

function candidateOf(
  spec: ServiceSpec,
  port: ServicePort,
  resolved: EndpointSet | undefined,
  problems: string[],
): Candidate {
  const intent: ServiceIntent = {
    id: port.name === '' ? spec.name : `${spec.name}:${port.name}`,
    ...(spec.vip === undefined ? {} : { vip: spec.vip }),
    protocol: port.protocol,
    port: port.port,
    ...(port.nodePort === undefined ? {} : { nodePort: port.nodePort }),
    endpoints: endpointsOf(spec, port, resolved, problems),
  };
  const vip = intent.vip === undefined ? undefined : parseAddress(intent.vip);
  return { intent, vip, claims: claimsOf(intent), fault: faultOf(intent, vip) };
}

function endpointsOf(
  spec: ServiceSpec,
  port: ServicePort,
  resolved: EndpointSet | undefined,
  problems: string[],
): readonly EndpointIntent[] {
  const sorted = new Map<number, EndpointIntent>();
  for (const endpoint of resolved?.endpoints ?? []) {
    if (endpoint.portName !== port.name) continue;
    const address = parseAddress(endpoint.address);
    if (address === undefined || !isPort(endpoint.port) || endpoint.address === spec.vip)
      problems.push(
        `service ${show(spec.name)}: endpoint ${show(`${endpoint.address}:${endpoint.port}`)} is left out: it cannot be reached`,
      );
    // One number orders by address, then by port.
    else sorted.set(address * 65536 + endpoint.port, { address: endpoint.address, port: endpoint.port });
  }
  return [...sorted].sort(([a], [b]) => a - b).map(([, endpoint]) => endpoint);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

/** The controller let none of this through; a key that somebody else wrote into etcd may still hold it. */
function faultOf(service: ServiceIntent, vip: number | undefined): string | undefined {
  if (!/^[a-z0-9:-]{1,127}$/.test(service.id)) return 'its name holds more than a-z, 0-9 and -';
  if (!PROTOCOLS.includes(service.protocol)) return `its protocol is ${show(service.protocol)}`;
  if (!isPort(service.port)) return `its port is ${show(service.port)}`;
  if (service.nodePort !== undefined && !isPort(service.nodePort))
    return `its NodePort is ${show(service.nodePort)}`;
  if (service.vip !== undefined && vip === undefined) return `its VIP is ${show(service.vip)}`;
  return undefined;
}

function claimsOf({ id, vip, protocol, port, nodePort }: ServiceIntent): readonly string[] {
  return [
    `id ${id}`,
    ...(vip === undefined ? [] : [`${vip} ${protocol} ${port}`]),
    ...(nodePort === undefined ? [] : [`NodePort ${protocol} ${nodePort}`]),
  ];
}
