import type { RouteIntent } from '@causeway/shared/desired/host';
import { ROUTE_PROTOCOL } from '@causeway/shared/names';
import type { Family } from '@causeway/shared/net/family';
import type { ObservedRoute } from './observed.ts';
import type { Plan, RouteKey, RouteStep } from './step.ts';

/** The metric of a route that names none. */
const METRIC: Readonly<Record<Family, number>> = { ipv4: 0, ipv6: 1024 };

/**
 * Steps that make our routes exactly `desired`. A route of anybody else is never touched: where it leads the
 * same way it serves as well as ours, where it leads elsewhere it is a problem for people.
 */
export function planRoutes(desired: readonly RouteIntent[], observed: readonly ObservedRoute[]): Plan {
  const byDestination = groupByDestination(observed);
  const steps: RouteStep[] = [];
  const problems: string[] = [];
  const blocked: string[] = [];
  for (const route of desired) {
    const wanted = keyOf(route);
    const present = byDestination.get(route.destination);
    byDestination.delete(route.destination);
    // Nearly all of a thousand are one of these two.
    if (present === undefined) steps.push(creation(wanted));
    else if (!isAlone(present, wanted)) {
      const plan = planRoute(wanted, present);
      steps.push(...plan.steps);
      problems.push(...plan.problems);
      if (plan.isBlocked) blocked.push(route.destination);
    }
  }
  for (const left of byDestination.values()) steps.push(...left.filter(isOurs).map(deletion));
  return { steps, problems, blocked };
}

export function isOurs(route: ObservedRoute): boolean {
  return route.protocol === ROUTE_PROTOCOL;
}

/** The route of ours, as the kernel will list it. */
export function keyOf({ destination, gateway, device, onlink }: RouteIntent): RouteKey {
  const family: Family = destination.includes(':') ? 'ipv6' : 'ipv4';
  const key = { family, destination, type: 'unicast', gateway, device, metric: METRIC[family] };
  return onlink === true ? { ...key, onlink } : key;
}

/** One line as `ip route` would show it. */
export function routeText({ family, destination, type, gateway, device, metric }: RouteKey): string {
  const what = type === 'unicast' ? destination : `${type} ${destination}`;
  const via = gateway === undefined ? '' : ` via ${gateway}`;
  const dev = device === undefined ? '' : ` dev ${device}`;
  return `${what}${via}${dev}${metric === METRIC[family] ? '' : ` metric ${metric}`}`;
}

/** Steps that turn one route of ours into another of the same destination. */
export function replacement(from: RouteKey, to: RouteKey): readonly RouteStep[] {
  return mustYield(from, to) ? [clearance(from), creation(to)] : [creation(to, from)];
}

/** @param swapped what of ours stands there and is changed in place */
export function creation(route: RouteKey, swapped?: RouteKey): RouteStep {
  if (swapped === undefined) return { kind: 'route-add', route, text: `add route ${routeText(route)}` };
  const text = `replace route ${routeText(swapped)} by ${routeText(route)}`;
  return { kind: 'route-replace', route, text };
}

export function deletion({
  protocol: _,
  ...route
}: RouteKey & { protocol?: number }): Extract<RouteStep, { route: RouteKey }> {
  return { kind: 'route-delete', route, text: `remove stale route ${routeText(route)}` };
}

/**
 * An IPv6 gateway behind a tunnel is refused while any route leads to it by another link: the peer's own route of
 * before is such a one. It goes right before the other one comes.
 */
function mustYield(present: RouteKey, wanted: RouteKey): boolean {
  return wanted.family === 'ipv6' && wanted.onlink === true && present.device !== wanted.device;
}

function clearance(present: RouteKey & { protocol?: number }): RouteStep {
  const { route } = deletion(present);
  return {
    kind: 'route-clear',
    route,
    text: `remove route ${routeText(route)}, which stands before another link`,
  };
}

function groupByDestination(routes: readonly ObservedRoute[]): Map<string, readonly ObservedRoute[]> {
  const groups = new Map<string, ObservedRoute[]>();
  for (const route of routes) {
    const group = groups.get(route.destination);
    if (group === undefined) groups.set(route.destination, [route]);
    else group.push(route);
  }
  return groups;
}

interface OneRoute {
  readonly steps: readonly RouteStep[];
  readonly problems: readonly string[];
  readonly isBlocked: boolean;
}

/** Ours is there as it should be, and nothing else. */
function isAlone(present: readonly ObservedRoute[], wanted: RouteKey): boolean {
  const [only] = present;
  return present.length === 1 && only !== undefined && isOurs(only) && isSame(only, wanted);
}

function planRoute(wanted: RouteKey, present: readonly ObservedRoute[]): OneRoute {
  const foreign = present.filter((route) => !isOurs(route));
  const elsewhere = foreign.filter((route) => !leadsTo(route, wanted));
  const inTheWay = elsewhere.find((route) => route.metric <= wanted.metric);
  const problems = elsewhere.map((route) =>
    route.metric <= wanted.metric ? blockedText(wanted, route) : besideText(wanted, route),
  );
  const ours = present.filter(isOurs);
  const serves = foreign.some((route) => leadsTo(route, wanted) && route.metric <= wanted.metric);
  const right = ours.find((route) => isSame(route, wanted));
  // The kernel takes one route per destination and metric: somebody else's that stands there is not pushed out.
  const isTaken = foreign.some((route) => route.metric === wanted.metric);
  const made = right === undefined && !serves && !isTaken;
  const cleared = made ? ours.filter((route) => mustYield(route, wanted)) : [];
  const left = ours.filter((route) => !cleared.includes(route));
  // `replace` swaps the route of the same destination and metric in one step; the others go afterwards.
  const swapped = made ? left.find((route) => route.metric === wanted.metric) : undefined;
  const others = left.filter((route) => route !== right && route !== swapped);
  const steps = [
    ...cleared.map(clearance),
    ...(made ? [creation(wanted, swapped)] : []),
    ...others.map(deletion),
  ];
  return { steps, problems, isBlocked: inTheWay !== undefined };
}

function leadsTo(route: ObservedRoute, wanted: RouteKey): boolean {
  return route.type === 'unicast' && route.gateway === wanted.gateway && route.device === wanted.device;
}

function isSame(route: ObservedRoute, wanted: RouteKey): boolean {
  return leadsTo(route, wanted) && route.metric === wanted.metric && route.onlink === wanted.onlink;
}

function blockedText(wanted: RouteKey, other: ObservedRoute): string {
  return (
    `adding route ${wanted.destination} via ${wanted.gateway}: a route that is not ours leads elsewhere ` +
    `(${routeText(other)}, protocol ${other.protocol}); it was left alone`
  );
}

function besideText(wanted: RouteKey, other: ObservedRoute): string {
  return (
    `beside route ${wanted.destination} via ${wanted.gateway}, which has precedence, a route that is not ours leads ` +
    `elsewhere (${routeText(other)}, protocol ${other.protocol}); it was left alone`
  );
}
