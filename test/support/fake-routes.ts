import { bareAddress, networkOf } from '../../node-agent/src/plan/addresses.ts';
import type { ObservedRoute } from '../../node-agent/src/plan/observed.ts';
import type { RouteKey } from '../../node-agent/src/plan/step.ts';
import { blockHasIp, parseBlock, parseIp } from '../../shared/src/net/block.ts';
import type { Family } from '../../shared/src/net/family.ts';

export const OURS = 88;
export const KERNEL = 2;

interface Reach {
  readonly up: boolean;
  readonly addresses: readonly string[];
}

export function isV6(address: string): boolean {
  return address.includes(':');
}

/** The main tables of both families in miniature. */
export class FakeRoutes {
  routes: ObservedRoute[] = [];

  /** The route that comes with an address: none with a single IPv4 one. */
  connect(device: string, address: string): void {
    const network = networkOf(address);
    if (!network.endsWith('/32')) this.putConnected(network, device);
  }

  putConnected(destination: string, device: string): void {
    const route = connectedRoute(destination, device);
    if (!this.routes.some((one) => isSame(one, route))) this.routes.push(route);
  }

  /** @throws Error with the kernel's words */
  putRoute(route: RouteKey, replace: boolean, links: ReadonlyMap<string, Reach>): void {
    const reach = links.get(route.device ?? '');
    const isOwn = [...links.values()].some((link) =>
      link.addresses.some((address) => bareAddress(address) === route.gateway),
    );
    const direct = route.onlink === true || reach?.addresses.some((one) => holds(one, route.gateway ?? ''));
    if (reach?.up !== true || direct !== true || isOwn) throw new Error('Nexthop has invalid gateway.');
    const { family, device, gateway = '' } = route;
    // An IPv6 gateway must not be reached by another link, but by the default route.
    const elsewhere = this.routes.some(
      (one) => one.device !== device && !one.destination.endsWith('/0') && holds(one.destination, gateway),
    );
    if (family === 'ipv6' && route.onlink && elsewhere)
      throw new Error('Nexthop has invalid gateway or device mismatch.');
    const at = this.routes.findIndex(
      (one) => one.destination === route.destination && one.metric === route.metric,
    );
    if (at >= 0 && !replace) throw new Error('File exists');
    if (at >= 0) this.routes.splice(at, 1);
    this.routes.push({ ...route, protocol: OURS });
  }

  /** @throws Error with the kernel's words */
  deleteRoute(route: RouteKey, protocol: number): void {
    const at = this.routes.findIndex((one) => one.protocol === protocol && isSame(one, route));
    if (at < 0) throw new Error('No such process');
    this.routes.splice(at, 1);
  }

  /** @param family absent: both */
  dropRoutes(device: string, family?: Family): void {
    this.routes = this.routes.filter(
      (route) => route.device !== device || (family !== undefined && route.family !== family),
    );
  }
}

export function connectedRoute(destination: string, device: string): ObservedRoute {
  const family = isV6(destination) ? 'ipv6' : 'ipv4';
  return {
    family,
    destination,
    type: 'unicast',
    device,
    protocol: KERNEL,
    metric: isV6(destination) ? 256 : 0,
  };
}

function isSame(a: RouteKey, b: RouteKey): boolean {
  return (
    a.destination === b.destination &&
    a.type === b.type &&
    a.gateway === b.gateway &&
    a.device === b.device &&
    a.metric === b.metric
  );
}

function holds(network: string, address: string): boolean {
  const [block, ip] = [parseBlock(network), parseIp(address)];
  return block !== undefined && ip !== undefined && blockHasIp(block, ip);
}
