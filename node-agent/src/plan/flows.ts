import type { EndpointIntent, FirewallIntent, ServiceIntent } from '@causeway/shared/desired/intent';
import { difference } from '@causeway/shared/desired/order';
import { PROTOCOLS, type Protocol } from '@causeway/shared/model/service';
import { type Block, blockHasIp, parseBlock, parseIp } from '@causeway/shared/net/block';
import { RANGES } from '@causeway/shared/rules/ranges';

/** Of ICMP, echo requests and the like; in IPv6 that of IPv6. */
export type FlowProtocol = Protocol | 'icmp';

/** Addresses in their canonical form, ports 1–65535; 0 where the protocol has none. */
export interface Tuple {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** What the kernel remembers of one exchange, and applies to all of its packets: rules see the first one only. */
export interface Flow {
  readonly protocol: FlowProtocol;
  /** As the client sent it. */
  readonly original: Tuple;
  /** As an answer would come, before it is translated back. */
  readonly reply: Tuple;
  /** Whether anything has been answered. */
  readonly replied: boolean;
}

/** What is known of the packets that pass a host, in one family. */
export interface FlowListing {
  /** Of the protocols that were asked for. */
  readonly flows: readonly Flow[];
  /** CIDRs of the host's own addresses, all of them: where its NodePorts are met. */
  readonly local: readonly string[];
  /** Those of them that never leave a link, and which link that is. IPv4 has none. */
  readonly linkLocal: readonly { readonly link: string; readonly cidr: string }[];
}

/** What a host served in one family, and what it serves. */
export interface FlowChange {
  /** Undefined: not known, since nothing was applied before in this life of the agent. */
  readonly from: FirewallIntent | undefined;
  /** What `servedBetween` remembers of the states after that and before `to`. Absent: there were none. */
  readonly between?: FirewallIntent | undefined;
  readonly to: FirewallIntent;
}

/**
 * The flows that must end. Such a flow goes to a VIP or to a NodePort of ours, and leads to an endpoint whose drain is
 * over, or it is one of UDP that an earlier state of the services would go on ruling:
 * - it leads to what is not an endpoint of that service, or not any more, or
 * - is not translated at all, though there are endpoints now, and nobody has answered it: what was sent before there was
 *   a service, or an endpoint, would go into the dark for as long as the client keeps trying; or
 * - is translated, and nothing serves what it went to any more.
 *
 * An endpoint that drains or has weight 0 keeps its flows. So does a program that has the port on one of the host's
 * addresses and answers, and everything that goes elsewhere; and where `from` is not known, a flow to what nobody serves is
 * ours only if it went into the service range and was led to a container, or to what was served in between: others,
 * Kubernetes for one, may use the same range for services of their own. Pure.
 */
export function staleFlows(
  { flows, local }: FlowListing,
  { from, between, to }: FlowChange,
): readonly Flow[] {
  // Most hosts have none most of the time, and finding the frontends takes a look at all services.
  if (flows.length === 0) return [];
  const own = local.flatMap((text) => parseBlock(text) ?? []);
  const before = [from, between].flatMap((last) => (last === undefined ? [] : frontends(last, own)));
  const now = frontends(to, own);
  const [range, network] = [parseBlock(to.serviceRange ?? ''), parseBlock(to.network)];
  return flows.filter((flow) => {
    const service = now(flow);
    if (service !== undefined) return isStale(flow, service);
    if (flow.protocol !== 'udp' || !isTranslated(flow)) return false;
    if (before.some((find) => find(flow) !== undefined)) return true;
    return from === undefined && isIn(range, flow.original.destination) && isIn(network, flow.reply.source);
  });
}

/** Most frontends that are remembered of the states between two others. */
const MOST_BETWEEN = 10_000;

/**
 * Where UDP was served after `from`: in `between`, and then in `last`, as far as that differs from `from`. Pure.
 *
 * @returns without endpoints; undefined where it is more than 10,000 frontends
 */
export function servedBetween(
  { from, between }: Pick<FlowChange, 'from' | 'between'>,
  last: FirewallIntent,
): FirewallIntent | undefined {
  const isAlike = from?.nodePortCidrs.join() === last.nodePortCidrs.join();
  const { come } = difference(isAlike ? (from?.services ?? []) : [], last.services);
  const fronts = new Map<string, ServiceIntent>();
  for (const service of [...(between?.services ?? []), ...come.filter(isUdp)]) {
    const { vip, port, nodePort } = service;
    fronts.set(`${vip} ${port} ${nodePort}`, { ...service, endpoints: [], localEndpoints: [] });
  }
  if (fronts.size > MOST_BETWEEN) return undefined;
  const cidrs = [(between ?? last).nodePortCidrs, last.nodePortCidrs];
  const nodePortCidrs = cidrs.some(({ length }) => length === 0) ? [] : [...new Set(cidrs.flat())];
  return { ...last, nodePortCidrs, services: [...fronts.values()] };
}

/**
 * The protocols of which a change of the services can leave stale flows behind: of UDP, an endpoint or a frontend is
 * gone, or something that had none has endpoints; of any, an endpoint's drain is over. Pure.
 */
export function leavingStale(from: FirewallIntent | undefined, to: FirewallIntent): readonly Protocol[] {
  if (from === undefined)
    return PROTOCOLS.filter((protocol) =>
      protocol === 'udp' ? servesUdp(to) || to.serviceRange !== undefined : hasDrained(to.services, protocol),
    );
  if (from.nodePortCidrs.join() !== to.nodePortCidrs.join())
    return PROTOCOLS.filter((protocol) =>
      protocol === 'udp' ? servesUdp(from) || servesUdp(to) : hasDrained(to.services, protocol),
    );
  const { gone, come } = difference(from.services, to.services);
  const old = new Map(gone.map((service) => [`${service.protocol} ${service.id}`, service]));
  const found = new Set<Protocol>();
  for (const service of come) {
    const key = `${service.protocol} ${service.id}`;
    if (mayLeave(old.get(key), service)) found.add(service.protocol);
    old.delete(key);
  }
  if ([...old.values()].some(isUdp)) found.add('udp');
  return [...found];
}

/** Whether anything is there whose flows must be known some day: a service of UDP, or an endpoint whose drain is over. Pure. */
export function needsFlows({ services }: FirewallIntent): boolean {
  return services.some((service) => isUdp(service) || service.drained !== undefined);
}

function servesUdp({ services }: FirewallIntent): boolean {
  return services.some(isUdp);
}

function hasDrained(services: readonly ServiceIntent[], protocol: Protocol): boolean {
  return services.some((service) => service.protocol === protocol && service.drained !== undefined);
}

function isUdp({ protocol }: ServiceIntent): boolean {
  return protocol === 'udp';
}

/** @param last the same service before, if it was there */
function mayLeave(last: ServiceIntent | undefined, service: ServiceIntent): boolean {
  const isOther = last === undefined || !sameFrontends(last, service);
  if (!isUdp(service)) {
    const { drained } = placesOf(service);
    const known = isOther ? undefined : placesOf(last).drained;
    return [...drained].some((place) => !known?.has(place));
  }
  if (isOther || (last.endpoints.length === 0 && service.endpoints.length > 0)) return true;
  const { kept } = placesOf(service);
  return [...placesOf(last).kept].some((place) => !kept.has(place));
}

function sameFrontends(a: ServiceIntent, b: ServiceIntent): boolean {
  return a.vip === b.vip && a.port === b.port && a.nodePort === b.nodePort;
}

/** TCP and SCTP know when they end, and an endpoint that is gone from the service ends nothing. */
function isStale(flow: Flow, service: ServiceIntent): boolean {
  const { kept, drained } = placesOf(service);
  const place = `${flow.reply.source} ${flow.reply.sourcePort}`;
  if (flow.protocol !== 'udp') return isTranslated(flow) && drained.has(place);
  return isTranslated(flow) ? !kept.has(place) : !flow.replied && service.endpoints.length > 0;
}

/** Whether an answer is expected from another place than the one that was asked. */
function isTranslated({ original, reply }: Flow): boolean {
  return original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
}

interface FlowPlaces {
  /** Where a flow of the service may lead. */
  readonly kept: ReadonlySet<string>;
  readonly drained: ReadonlySet<string>;
}

const known = new WeakMap<ServiceIntent, FlowPlaces>();

function placesOf(service: ServiceIntent): FlowPlaces {
  const last = known.get(service);
  if (last !== undefined) return last;
  const { endpoints, localEndpoints, keeping = [], drained = [] } = service;
  const setOf = (all: readonly Pick<EndpointIntent, 'address' | 'port'>[]) =>
    new Set(all.map(({ address, port }) => `${address} ${port}`));
  const places = { kept: setOf([...endpoints, ...localEndpoints, ...keeping]), drained: setOf(drained) };
  known.set(service, places);
  return places;
}

/** @returns finds the service that a packet meets by its destination, as the rules find it: VIPs first, then NodePorts */
function frontends(
  { family, services, nodePortCidrs }: FirewallIntent,
  own: readonly Block[],
): (flow: Flow) => ServiceIntent | undefined {
  const vips = new Map<string, ServiceIntent>();
  const nodePorts = new Map<string, ServiceIntent>();
  for (const service of services) {
    const { protocol, vip, port, nodePort } = service;
    if (vip !== undefined) vips.set(`${protocol} ${vip} ${port}`, service);
    if (nodePort !== undefined) nodePorts.set(`${protocol} ${nodePort}`, service);
  }
  const loopback = parseBlock(RANGES[family].loopback);
  const served = nodePortCidrs.flatMap((text) => parseBlock(text) ?? []);
  const isServed = (address: string) =>
    own.some((block) => isIn(block, address)) &&
    !isIn(loopback, address) &&
    (served.length === 0 || served.some((block) => isIn(block, address)));
  return ({ protocol, original: { destination, destinationPort } }) => {
    const service = vips.get(`${protocol} ${destination} ${destinationPort}`);
    if (service !== undefined) return service;
    const other = nodePorts.get(`${protocol} ${destinationPort}`);
    return other === undefined || !isServed(destination) ? undefined : other;
  };
}

function isIn(block: Block | undefined, address: string): boolean {
  const ip = parseIp(address);
  return block !== undefined && ip !== undefined && blockHasIp(block, ip);
}
