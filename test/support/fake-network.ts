import type { ObservedRoute } from '../../node-agent/src/plan/observed.ts';
import type { IpStep, RouteKey } from '../../node-agent/src/plan/step.ts';
import { containsAddress, formatCidr, parseAddress, parseCidr } from '../../shared/src/net/cidr.ts';

export interface FakeLink {
  readonly type: 'physical' | 'bridge';
  mtu: number;
  up: boolean;
  addresses: string[];
}

const OURS = 88;
const KERNEL = 2;

/** Links, addresses and routes in miniature. */
export class FakeNetwork {
  readonly links = new Map<string, FakeLink>();
  routes: ObservedRoute[] = [];

  /** @throws Error with the kernel's words */
  ip(step: IpStep): void {
    switch (step.kind) {
      case 'link-add':
        if (this.links.has(step.link)) throw new Error('File exists');
        this.links.set(step.link, { type: 'bridge', mtu: step.mtu, up: false, addresses: [] });
        break;
      case 'link-delete':
        this.#link(step.link);
        this.links.delete(step.link);
        this.routes = this.routes.filter((route) => route.device !== step.link);
        break;
      case 'route-add':
      case 'route-replace':
        this.#putRoute(step.route, step.kind === 'route-replace');
        break;
      case 'route-delete':
        this.deleteRoute(step.route, OURS);
        break;
      case 'connected-add':
        this.routes.push(connectedRoute(step.destination, step.device));
        break;
      default:
        this.#changeLink(step);
    }
  }

  /** A link that goes down takes all routes through it along, and tells nobody of them. */
  linkDown(name: string): void {
    this.#link(name).up = false;
    this.routes = this.routes.filter((route) => route.device !== name);
  }

  #changeLink(
    step: Exclude<IpStep, { kind: 'link-add' | 'link-delete' } | { route: RouteKey } | { source: string }>,
  ): void {
    const link = this.#link(step.link);
    if (step.kind === 'link-set') {
      link.mtu = step.mtu;
      if (!link.up)
        for (const address of link.addresses) this.routes.push(connectedRoute(masked(address), step.link));
      link.up = true;
      return;
    }
    const there = link.addresses.includes(step.address);
    if (there === (step.kind === 'address-add'))
      throw new Error(there ? 'File exists' : 'Cannot assign requested address');
    link.addresses = there
      ? link.addresses.filter((one) => one !== step.address)
      : [...link.addresses, step.address];
    const connected = connectedRoute(masked(step.address), step.link);
    if (!there && link.up) this.routes.push(connected);
    if (there)
      this.routes = this.routes.filter((route) => !same(route, connected) || route.protocol !== KERNEL);
  }

  #putRoute(route: RouteKey, replace: boolean): void {
    const gateway = parseAddress(route.gateway ?? '') ?? 0;
    const reach = this.links.get(route.device ?? '');
    const direct = reach?.addresses.some((one) => {
      const block = parseCidr(one);
      return block !== undefined && containsAddress(block, gateway);
    });
    if (reach?.up !== true || direct !== true) throw new Error('Nexthop has invalid gateway.');
    const at = this.routes.findIndex((r) => r.destination === route.destination && r.metric === route.metric);
    if (at >= 0 && !replace) throw new Error('File exists');
    if (at >= 0) this.routes.splice(at, 1);
    this.routes.push({ ...route, protocol: OURS });
  }

  deleteRoute(route: RouteKey, protocol: number): void {
    const at = this.routes.findIndex((one) => one.protocol === protocol && same(one, route));
    if (at < 0) throw new Error('No such process');
    this.routes.splice(at, 1);
  }

  #link(name: string): FakeLink {
    const link = this.links.get(name);
    if (link === undefined) throw new Error(`Cannot find device "${name}"`);
    return link;
  }
}

export function connectedRoute(destination: string, device: string): ObservedRoute {
  return { destination, type: 'unicast', device, protocol: KERNEL, metric: 0 };
}

function same(a: RouteKey, b: RouteKey): boolean {
  return (
    a.destination === b.destination &&
    a.type === b.type &&
    a.gateway === b.gateway &&
    a.device === b.device &&
    a.metric === b.metric
  );
}

/** `10.10.1.1/24` → `10.10.1.0/24` */
export function masked(address: string): string {
  const block = parseCidr(address);
  return block === undefined ? address : formatCidr(block);
}
