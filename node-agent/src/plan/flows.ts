import type {
  EndpointIntent,
  FirewallIntent,
  PublishedIntent,
  ServiceIntent,
} from '@causeway/shared/desired/intent';
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
 * The flows that must end. Such a flow goes to a VIP, a NodePort or a published port of ours, and leads to an endpoint
 * whose drain is over, or it is one of UDP that an earlier state of these would go on ruling:
 * - it leads to what is not an endpoint of that service, or not the container that publishes the port, or
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
  const ports = [between, last].flatMap((served) => served?.published.filter(isUdp) ?? []);
  const published = [...new Map(ports.map((port) => [textOf(port), port])).values()];
  if (fronts.size + published.length > MOST_BETWEEN) return undefined;
  const cidrs = [(between ?? last).nodePortCidrs, last.nodePortCidrs];
  const nodePortCidrs = cidrs.some(({ length }) => length === 0) ? [] : [...new Set(cidrs.flat())];
  return { ...last, nodePortCidrs, services: [...fronts.values()], published };
}

/**
 * The protocols of which a change can leave stale flows behind: of UDP, an endpoint or a frontend is gone, something that
 * had none has endpoints, or a published port comes, goes or leads elsewhere; of any, an endpoint's drain is over. Pure.
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
  if ([...old.values()].some(isUdp) || udpPorts(from) !== udpPorts(to)) found.add('udp');
  return [...found];
}

/** Whether anything is there whose flows must be known some day: UDP is served, or an endpoint's drain is over. Pure. */
export function needsFlows(intent: FirewallIntent): boolean {
  return servesUdp(intent) || intent.services.some(({ drained }) => drained !== undefined);
}

function servesUdp({ services, published }: FirewallIntent): boolean {
  return services.some(isUdp) || published.some(isUdp);
}

/** The published ports of UDP, and where they lead. */
function udpPorts({ published }: FirewallIntent): string {
  return published.filter(isUdp).map(textOf).join();
}

function textOf({ hostAddress, hostPort, address, port }: PublishedIntent): string {
  return [hostAddress, hostPort, address, port].join(' ');
}

function hasDrained(services: readonly ServiceIntent[], protocol: Protocol): boolean {
  return services.some((service) => service.protocol === protocol && service.drained !== undefined);
}

function isUdp({ protocol }: Pick<ServiceIntent, 'protocol'>): boolean {
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
function isStale(flow: Flow, frontend: Frontend): boolean {
  const { kept, drained } = placesOf(frontend);
  const place = `${flow.reply.source} ${flow.reply.sourcePort}`;
  if (flow.protocol !== 'udp') return isTranslated(flow) && drained.has(place);
  return isTranslated(flow) ? !kept.has(place) : !flow.replied && frontend.endpoints.length > 0;
}

/** Whether an answer is expected from another place than the one that was asked. */
function isTranslated({ original, reply }: Flow): boolean {
  return original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
}

/** Where flows are led on, as far as these care. A published port has the one container that publishes it. */
type Frontend = Pick<ServiceIntent, 'endpoints' | 'localEndpoints' | 'keeping' | 'drained'>;

interface FlowPlaces {
  /** Where a flow of the service may lead. */
  readonly kept: ReadonlySet<string>;
  readonly drained: ReadonlySet<string>;
}

const known = new WeakMap<Frontend, FlowPlaces>();

function placesOf(frontend: Frontend): FlowPlaces {
  const last = known.get(frontend);
  if (last !== undefined) return last;
  const { endpoints, localEndpoints, keeping = [], drained = [] } = frontend;
  const setOf = (all: readonly Pick<EndpointIntent, 'address' | 'port'>[]) =>
    new Set(all.map(({ address, port }) => `${address} ${port}`));
  const places = { kept: setOf([...endpoints, ...localEndpoints, ...keeping]), drained: setOf(drained) };
  known.set(frontend, places);
  return places;
}

/** @returns finds what a packet meets by its destination, as the rules find it: VIPs, NodePorts, then published ports */
function frontends(intent: FirewallIntent, own: readonly Block[]): (flow: Flow) => Frontend | undefined {
  const { family, services, published, nodePortCidrs } = intent;
  const places = new Map<string, Frontend>();
  const nodePorts = new Map<string, Frontend>();
  for (const service of services) {
    const { protocol, vip, port, nodePort } = service;
    if (vip !== undefined) places.set(`${protocol} ${vip} ${port}`, service);
    if (nodePort !== undefined) nodePorts.set(`${protocol} ${nodePort}`, service);
  }
  const ports = new Map<string, Frontend>();
  for (const { protocol, hostAddress = '', hostPort, address, port } of published)
    ports.set(`${protocol} ${hostAddress} ${hostPort}`, {
      endpoints: [{ address, port, weight: 1 }],
      localEndpoints: [],
    });
  const loopback = parseBlock(RANGES[family].loopback);
  const isOwn = (address: string) => own.some((block) => isIn(block, address)) && !isIn(loopback, address);
  const served = nodePortCidrs.flatMap((text) => parseBlock(text) ?? []);
  const isServed = (address: string) => served.length === 0 || served.some((block) => isIn(block, address));
  return ({ protocol, original: { destination, destinationPort: port } }) => {
    const place = places.get(`${protocol} ${destination} ${port}`);
    if (place !== undefined) return place;
    const nodePort = nodePorts.get(`${protocol} ${port}`);
    const onOne = ports.get(`${protocol} ${destination} ${port}`);
    const anywhere = ports.get(`${protocol}  ${port}`);
    if ((nodePort ?? onOne ?? anywhere) === undefined || !isOwn(destination)) return undefined;
    return nodePort !== undefined && isServed(destination) ? nodePort : (onOne ?? anywhere);
  };
}

function isIn(block: Block | undefined, address: string): boolean {
  const ip = parseIp(address);
  return block !== undefined && ip !== undefined && blockHasIp(block, ip);
}
