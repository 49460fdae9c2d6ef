import { show } from '../errors.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import { PROTOCOLS, type ServicePort, type ServiceSpec } from '../model/service.ts';
import { formatIp, parseIp } from '../net/block.ts';
import { parseAddress } from '../net/cidr.ts';
import { FAMILY_NAMES, type Family } from '../net/family.ts';
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
  /** Of its VIP; without one, of its endpoints; without those IPv4. */
  readonly family: Family;
  /** The VIP as a number, big for IPv6. */
  readonly vip: Address | undefined;
  /** What no other service may have, in words. */
  readonly claims: readonly string[];
  /** Why it must be left out; the end of a sentence. */
  readonly fault: string | undefined;
}

/** An address as a number: IPv4 is compared often enough to deserve a plain one. The two kinds compare with each other. */
type Address = number | bigint;

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
  const vip = spec.vip === undefined ? undefined : addressOf(spec.vip);
  const family = familyOfService(vip, port, resolved);
  const intent: ServiceIntent = {
    id: port.name === '' ? spec.name : `${spec.name}:${port.name}`,
    ...(spec.vip === undefined ? {} : { vip: canonical(spec.vip, vip) }),
    protocol: port.protocol,
    port: port.port,
    ...(port.nodePort === undefined ? {} : { nodePort: port.nodePort }),
    endpoints: endpointsOf(spec, port, family, resolved, problems),
  };
  return { intent, family, vip, claims: claimsOf(intent), fault: faultOf(intent, vip) };
}

function familyOfService(
  vip: Address | undefined,
  port: ServicePort,
  resolved: EndpointSet | undefined,
): Family {
  if (vip !== undefined) return familyOf(vip);
  const known = resolved?.endpoints.find(
    ({ portName, address }) => portName === port.name && addressOf(address) !== undefined,
  );
  return familyOf(known === undefined ? 0 : (addressOf(known.address) ?? 0));
}

function addressOf(text: string): Address | undefined {
  return parseAddress(text) ?? parseIp(text)?.value;
}

/** IPv6 has many spellings of one address, IPv4 has one. */
function canonical(text: string, address: Address | undefined): string {
  return typeof address === 'bigint' ? formatIp({ family: 'ipv6', value: address }) : text;
}

function familyOf(address: Address): Family {
  return typeof address === 'number' ? 'ipv4' : 'ipv6';
}

function endpointsOf(
  spec: ServiceSpec,
  port: ServicePort,
  family: Family,
  resolved: EndpointSet | undefined,
  problems: string[],
): readonly EndpointIntent[] {
  const sorted = new Map<Address, EndpointIntent>();
  for (const endpoint of resolved?.endpoints ?? []) {
    if (endpoint.portName !== port.name) continue;
    const address = addressOf(endpoint.address);
    const left = (reason: string) =>
      problems.push(
        `service ${show(spec.name)}: endpoint ${show(`${endpoint.address}:${endpoint.port}`)} is left out: ${reason}`,
      );
    if (address === undefined || !isPort(endpoint.port) || endpoint.address === spec.vip)
      left('it cannot be reached');
    else if (familyOf(address) !== family) left(`the service is one of ${FAMILY_NAMES[family]}`);
    else
      sorted.set(sortKey(address, endpoint.port), {
        address: canonical(endpoint.address, address),
        port: endpoint.port,
      });
  }
  return [...sorted].sort(([a], [b]) => (a < b ? -1 : Number(a > b))).map(([, endpoint]) => endpoint);
}

/** One number orders by address, then by port. */
function sortKey(address: Address, port: number): Address {
  return typeof address === 'number' ? address * 65536 + port : address * 65536n + BigInt(port);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

/** The controller let none of this through; a key that somebody else wrote into etcd may still hold it. */
function faultOf(service: ServiceIntent, vip: Address | undefined): string | undefined {
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
