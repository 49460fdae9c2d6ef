import type { FirewallIntent, ServiceIntent } from '@causeway/shared/desired/intent';
import { difference } from '@causeway/shared/desired/order';
import { type Block, blockHasIp, parseBlock, parseIp } from '@causeway/shared/net/block';
import { RANGES } from '@causeway/shared/rules/ranges';

/** Addresses in their canonical form, ports 1–65535. */
export interface Tuple {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** What the kernel remembers of one UDP exchange, and applies to all of its packets: rules see the first one only. */
export interface UdpFlow {
  /** As the client sent it. */
  readonly original: Tuple;
  /** As an answer would come, before it is translated back. */
  readonly reply: Tuple;
  /** Whether anything has been answered. */
  readonly replied: boolean;
}

/** What is known of the UDP packets that pass a host, in one family. */
export interface FlowListing {
  readonly flows: readonly UdpFlow[];
  /** CIDRs of the host's own addresses, all of them: where its NodePorts are met. */
  readonly local: readonly string[];
}

/** What a host served in one family, and what it serves. */
export interface FlowChange {
  /** Undefined: not known, since nothing was applied before in this life of the agent. */
  readonly from: FirewallIntent | undefined;
  readonly to: FirewallIntent;
}

/**
 * The flows that an earlier state of the services would go on ruling. Such a flow goes to a VIP or to a NodePort of ours,
 * and
 * - leads to what is not an endpoint of that service, or not any more, or
 * - is not translated at all, though there are endpoints now, and nobody has answered it: what was sent before there was
 *   a service, or an endpoint, would go into the dark for as long as the client keeps trying; or
 * - is translated, and nothing serves what it went to any more.
 *
 * An endpoint that drains or has weight 0 keeps its flows. So does a program that has the port on one of the host's
 * addresses and answers, and everything that goes elsewhere; and where `from` is not known, a flow to what nobody serves is
 * ours only if it went into the service range and was led to a container: others, Kubernetes for one, may use the same
 * range for services of their own. Pure.
 */
export function staleFlows({ flows, local }: FlowListing, { from, to }: FlowChange): readonly UdpFlow[] {
  const own = local.flatMap((text) => parseBlock(text) ?? []);
  const [before, now] = [from === undefined ? undefined : frontends(from, own), frontends(to, own)];
  const [range, network] = [parseBlock(to.serviceRange ?? ''), parseBlock(to.network)];
  return flows.filter((flow) => {
    const service = now(flow.original);
    if (service !== undefined) return isStale(flow, service);
    if (!isTranslated(flow)) return false;
    return before === undefined
      ? isIn(range, flow.original.destination) && isIn(network, flow.reply.source)
      : before(flow.original) !== undefined;
  });
}

/**
 * Whether a change of the services can leave stale flows behind: an endpoint or a frontend of UDP is gone, or something
 * that had none has endpoints. Pure.
 */
export function mayLeaveStale(from: FirewallIntent | undefined, to: FirewallIntent): boolean {
  if (from === undefined) return servesUdp(to) || to.serviceRange !== undefined;
  if (from.nodePortCidrs.join() !== to.nodePortCidrs.join()) return servesUdp(from) || servesUdp(to);
  const { gone, come } = difference(from.services, to.services);
  const old = new Map(gone.filter(isUdp).map((service) => [service.id, service]));
  for (const service of come.filter(isUdp)) {
    const last = old.get(service.id);
    old.delete(service.id);
    if (last === undefined || !sameFrontends(last, service)) return true;
    if (last.endpoints.length === 0 && service.endpoints.length > 0) return true;
    const places = placesOf(service);
    if ([...placesOf(last)].some((place) => !places.has(place))) return true;
  }
  return old.size > 0;
}

/** Whether any UDP service is there. Pure. */
export function servesUdp({ services }: FirewallIntent): boolean {
  return services.some(isUdp);
}

function isUdp({ protocol }: ServiceIntent): boolean {
  return protocol === 'udp';
}

function sameFrontends(a: ServiceIntent, b: ServiceIntent): boolean {
  return a.vip === b.vip && a.port === b.port && a.nodePort === b.nodePort;
}

function isStale(flow: UdpFlow, service: ServiceIntent): boolean {
  if (!isTranslated(flow)) return !flow.replied && service.endpoints.length > 0;
  const { source, sourcePort } = flow.reply;
  return !placesOf(service).has(`${source} ${sourcePort}`);
}

/** Whether an answer is expected from another place than the one that was asked. */
function isTranslated({ original, reply }: UdpFlow): boolean {
  return original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
}

const known = new WeakMap<ServiceIntent, ReadonlySet<string>>();

/** Where a flow of the service may lead. */
function placesOf(service: ServiceIntent): ReadonlySet<string> {
  const last = known.get(service);
  if (last !== undefined) return last;
  const { endpoints, localEndpoints, keeping = [] } = service;
  const places = new Set(
    [...endpoints, ...localEndpoints, ...keeping].map(({ address, port }) => `${address} ${port}`),
  );
  known.set(service, places);
  return places;
}

/** @returns finds the service that a packet meets by its destination, as the rules find it: VIPs first, then NodePorts */
function frontends(
  { family, services, nodePortCidrs }: FirewallIntent,
  own: readonly Block[],
): (to: Tuple) => ServiceIntent | undefined {
  const vips = new Map<string, ServiceIntent>();
  const nodePorts = new Map<number, ServiceIntent>();
  for (const service of services) {
    if (!isUdp(service)) continue;
    if (service.vip !== undefined) vips.set(`${service.vip} ${service.port}`, service);
    if (service.nodePort !== undefined) nodePorts.set(service.nodePort, service);
  }
  const loopback = parseBlock(RANGES[family].loopback);
  const served = nodePortCidrs.flatMap((text) => parseBlock(text) ?? []);
  const isServed = (address: string) =>
    own.some((block) => isIn(block, address)) &&
    !isIn(loopback, address) &&
    (served.length === 0 || served.some((block) => isIn(block, address)));
  return ({ destination, destinationPort }) => {
    const service = vips.get(`${destination} ${destinationPort}`);
    if (service !== undefined) return service;
    const other = nodePorts.get(destinationPort);
    return other === undefined || !isServed(destination) ? undefined : other;
  };
}

function isIn(block: Block | undefined, address: string): boolean {
  const ip = parseIp(address);
  return block !== undefined && ip !== undefined && blockHasIp(block, ip);
}
