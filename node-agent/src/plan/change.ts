import type { DesiredHost, RouteIntent, TunnelIntent } from '@causeway/shared/desired/host';
import { inOrder } from './order.ts';
import { creation, deletion, keyOf, replacement } from './routes.ts';
import type { Step } from './step.ts';
import { planNeighbours } from './tunnels.ts';

/** The part of a desired host that `planNetworkChange` compares. */
export type NetworkIntent = Pick<DesiredHost, 'bridge' | 'tunnels' | 'routes' | 'sysctls'>;

/**
 * The steps between two desired networks, for a kernel that holds exactly `from`: what a peer that came, went or moved
 * asks for, without any listing.
 *
 * @param blocked destinations of `from` that the kernel does not lead to as desired
 * @returns in their order; undefined when more than peers differ, or a peer that is blocked: then the kernel must be
 * looked at
 */
export function planNetworkChange(
  from: NetworkIntent,
  to: NetworkIntent,
  blocked: { has(destination: string): boolean },
): readonly Step[] | undefined {
  if (!isSameBase(from, to)) return undefined;
  const routes = routeChanges(from.routes, to.routes, blocked);
  if (routes === undefined) return undefined;
  const neighbours = to.tunnels.flatMap((tunnel, i) => neighbourChanges(from.tunnels[i], tunnel));
  return inOrder([...neighbours, ...routes]);
}

/** Everything but the peers. */
function isSameBase(from: NetworkIntent, to: NetworkIntent): boolean {
  return (
    from.bridge.name === to.bridge.name &&
    from.bridge.mtu === to.bridge.mtu &&
    from.bridge.addresses.join() === to.bridge.addresses.join() &&
    from.tunnels.length === to.tunnels.length &&
    to.tunnels.every((tunnel, i) => textOf(from.tunnels[i]) === textOf(tunnel)) &&
    JSON.stringify(from.sysctls) === JSON.stringify(to.sysctls)
  );
}

function textOf(tunnel: TunnelIntent | undefined): string {
  return JSON.stringify({ ...tunnel, neighbours: undefined });
}

function routeChanges(
  from: readonly RouteIntent[],
  to: readonly RouteIntent[],
  blocked: { has(destination: string): boolean },
): readonly Step[] | undefined {
  if (from === to) return [];
  const left = new Map(from.map((route) => [route.destination, route]));
  const steps: Step[] = [];
  for (const route of to) {
    const before = left.get(route.destination);
    left.delete(route.destination);
    if (before !== undefined && isSame(before, route)) continue;
    if (blocked.has(route.destination)) return undefined;
    const wanted = keyOf(route);
    steps.push(...(before === undefined ? [creation(wanted)] : replacement(keyOf(before), wanted)));
  }
  for (const route of left.values()) {
    if (blocked.has(route.destination)) return undefined;
    steps.push(deletion(keyOf(route)));
  }
  return steps;
}

function isSame(a: RouteIntent, b: RouteIntent): boolean {
  return a === b || (a.gateway === b.gateway && a.device === b.device && a.onlink === b.onlink);
}

function neighbourChanges(from: TunnelIntent | undefined, to: TunnelIntent): readonly Step[] {
  if (from === undefined || from.neighbours === to.neighbours) return [];
  return planNeighbours(to.name, to.neighbours, { neighbours: from.neighbours, forwarding: from.neighbours });
}
