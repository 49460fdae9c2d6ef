import { show } from '../errors.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import { PROTOCOLS, type ServicePort, type ServiceSpec } from '../model/service.ts';
import type { Family } from '../net/family.ts';
import { type Address, addressOf, canonicalText, familyOfAddress } from './address.ts';
import { type Cidrs, formatBlocks, isEverything, readCidrs } from './cidrs.ts';
import {
  drainedOf,
  isPort,
  keepingConnections,
  type Places,
  placesOf,
  takingConnections,
} from './endpoints.ts';
import type { ServiceIntent } from './intent.ts';

/** A service as far as it can be judged without knowing the network and the other services. */
export interface ServiceReading {
  readonly resolved: EndpointSet | undefined;
  /** The host that it was read for; undefined: all hosts read it alike. */
  readonly host: string | undefined;
  /** One per port and family. */
  readonly candidates: readonly Candidate[];
  /** What was left out of its endpoints and source ranges, each a sentence. */
  readonly problems: readonly string[];
}

/** One port of a service in one family, which becomes part of the intent when nothing speaks against it. */
export interface Candidate {
  readonly intent: ServiceIntent;
  readonly family: Family;
  /** The VIP as a number, big for IPv6. */
  readonly vip: Address | undefined;
  /** What no other service of the family may have, in words. */
  readonly claims: readonly string[];
  /** Why it must be left out; the end of a sentence. */
  readonly fault: string | undefined;
}

/** Where a service is met in one family. */
interface Front {
  readonly family: Family;
  readonly vip?: { readonly text: string; readonly address: Address | undefined };
}

/** By specification: what was read of it last. It lives as long as the specification itself. */
const readings = new WeakMap<ServiceSpec, ServiceReading>();

/**
 * A pure function that remembers: the same two objects, which nobody changes, have the same reading on the same host,
 * down to the same intents. The snapshot keeps the objects of what did not change, so that of ten thousand services
 * only the changed ones are checked, sorted and, by their identity, compared again.
 *
 * A service that has VIPs is one of their families, one without is one of the families that it names. Which endpoints
 * take connections is chosen in each of them by itself, and, where a policy is `local`, once more among those of the
 * host alone.
 *
 * @param host its name, as endpoints tell it
 */
export function readService(
  spec: ServiceSpec,
  resolved: EndpointSet | undefined,
  host: string,
): ServiceReading {
  const last = readings.get(spec);
  if (last !== undefined && last.resolved === resolved && (last.host ?? host) === host) return last;
  const reading = {
    ...{ resolved, host: hasLocalPolicy(spec) ? host : undefined },
    ...candidatesOf(spec, resolved, host),
  };
  readings.set(spec, reading);
  return reading;
}

function hasLocalPolicy({ internalPolicy, externalPolicy }: ServiceSpec): boolean {
  return internalPolicy === 'local' || externalPolicy === 'local';
}

function candidatesOf(
  spec: ServiceSpec,
  resolved: EndpointSet | undefined,
  host: string,
): Pick<ServiceReading, 'candidates' | 'problems'> {
  const fronts = frontsOf(spec);
  const families = fronts.map(({ family }) => family);
  const sources = sourcesOf(spec);
  const problems = (sources?.problems ?? []).map(
    (text) => `service ${show(spec.name)}: source range ${text}`,
  );
  const candidates = spec.ports.flatMap((port) => {
    const places = placesOf(spec, port, resolved, families, problems);
    return fronts.map((front) => candidateOf(spec, port, front, places, sources, host));
  });
  return { candidates, problems };
}

function frontsOf({ vips, families }: ServiceSpec): readonly Front[] {
  if (vips.length === 0) return families.map((family) => ({ family }));
  return vips.map((text) => {
    const address = addressOf(text);
    return { family: familyOfAddress(address ?? 0), vip: { text, address } };
  });
}

/** An empty list is none: nobody would ask for a service that nobody may use. */
function sourcesOf({ sourceRanges = [] }: ServiceSpec): Cidrs | undefined {
  return sourceRanges.length === 0 ? undefined : readCidrs(sourceRanges);
}

function candidateOf(
  spec: ServiceSpec,
  port: ServicePort,
  { family, vip }: Front,
  places: Places,
  sources: Cidrs | undefined,
  host: string,
): Candidate {
  const here = hasLocalPolicy(spec) ? places[family].filter(({ node }) => node === host) : [];
  const ranges = sources?.byFamily[family];
  const address = vip?.address;
  const endpoints = takingConnections(places[family], spec);
  const keeping = port.protocol === 'udp' ? keepingConnections(places[family], endpoints, spec) : [];
  const drained = drainedOf(places[family]);
  const intent: ServiceIntent = {
    id: port.name === '' ? spec.name : `${spec.name}:${port.name}`,
    ...(vip === undefined
      ? {}
      : { vip: address === undefined ? vip.text : canonicalText(vip.text, address) }),
    protocol: port.protocol,
    port: port.port,
    ...(port.nodePort === undefined ? {} : { nodePort: port.nodePort }),
    endpoints,
    internalPolicy: spec.internalPolicy ?? 'cluster',
    externalPolicy: spec.externalPolicy ?? 'cluster',
    localEndpoints: takingConnections(here, spec),
    ...(keeping.length === 0 ? {} : { keeping }),
    ...(drained.length === 0 ? {} : { drained }),
    affinity: spec.affinity === 'client',
    ...(ranges === undefined || isEverything(ranges) ? {} : { sourceRanges: formatBlocks(ranges) }),
  };
  return { intent, family, vip: address, claims: claimsOf(intent), fault: faultOf(intent, address) };
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
