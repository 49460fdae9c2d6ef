import type { RouteIntent } from '@causeway/shared/desired/host';
import { ROUTE_PROTOCOL } from '@causeway/shared/names';
import type { ObservedRoute } from './observed.ts';
import type { Plan, RouteKey, RouteStep } from './step.ts';

/**
 * Steps that make our routes exactly `desired`. A route of anybody else is never touched: where it leads the
 * same way it serves as well as ours, where it leads elsewhere it is a problem for people.
 */
export function planRoutes(desired: readonly RouteIntent[], observed: readonly ObservedRoute[]): Plan {
  const byDestination = groupByDestination(observed);
  const wanted = new Set(desired.map((route) => route.destination));
  const plans = desired.map((route) => planRoute(route, byDestination.get(route.destination) ?? []));
  const stale = observed.filter((route) => isOurs(route) && !wanted.has(route.destination));
  return {
    steps: [...plans.flatMap((plan) => plan.steps), ...stale.map(deletion)],
    problems: plans.flatMap((plan) => plan.problems),
    blocked: plans.flatMap((plan) => plan.blocked),
  };
}

export function isOurs(route: ObservedRoute): boolean {
  return route.protocol === ROUTE_PROTOCOL;
}

/** One line as `ip route` would show it. */
export function routeText(route: RouteKey): string {
  const words = [
    ...(route.type === 'unicast' ? [] : [route.type]),
    route.destination,
    ...(route.gateway === undefined ? [] : ['via', route.gateway]),
    ...(route.device === undefined ? [] : ['dev', route.device]),
    ...(route.metric === 0 ? [] : ['metric', String(route.metric)]),
  ];
  return words.join(' ');
}

function groupByDestination(routes: readonly ObservedRoute[]): ReadonlyMap<string, readonly ObservedRoute[]> {
  const groups = new Map<string, ObservedRoute[]>();
  for (const route of routes) {
    const group = groups.get(route.destination);
    if (group === undefined) groups.set(route.destination, [route]);
    else group.push(route);
  }
  return groups;
}

function planRoute(desired: RouteIntent, present: readonly ObservedRoute[]): Plan {
  const foreign = present.filter((route) => !isOurs(route));
  const inTheWay = foreign.find((route) => !leadsTo(route, desired));
  if (inTheWay !== undefined) {
    return { steps: [], problems: [blockedText(desired, inTheWay)], blocked: [desired.destination] };
  }
  const ours = present.filter(isOurs);
  const right = [...ours, ...foreign].find((route) => leadsTo(route, desired));
  // `replace` swaps the route of the same destination and metric in one step; the others go afterwards.
  const swapped = right === undefined ? ours.find((route) => route.metric === 0) : undefined;
  const others = ours.filter((route) => route !== right && route !== swapped).map(deletion);
  const made = right === undefined ? [creation(desired, swapped)] : [];
  return { steps: [...made, ...others], problems: [], blocked: [] };
}

function creation(desired: RouteIntent, swapped: ObservedRoute | undefined): RouteStep {
  const route: RouteKey = { ...desired, type: 'unicast', metric: 0 };
  if (swapped === undefined) return { kind: 'route-add', route, text: `add route ${routeText(route)}` };
  const text = `replace route ${routeText(swapped)} by ${routeText(route)}`;
  return { kind: 'route-replace', route, text };
}

function leadsTo(route: ObservedRoute, desired: RouteIntent): boolean {
  return route.type === 'unicast' && route.gateway === desired.gateway && route.device === desired.device;
}

function blockedText(desired: RouteIntent, other: ObservedRoute): string {
  return (
    `adding route ${desired.destination} via ${desired.gateway}: a route that is not ours leads elsewhere ` +
    `(${routeText(other)}, protocol ${other.protocol}); it was left alone`
  );
}

export function deletion(route: ObservedRoute): RouteStep {
  const { destination, type, gateway, device, metric } = route;
  const key: RouteKey = {
    destination,
    type,
    metric,
    ...(gateway === undefined ? {} : { gateway }),
    ...(device === undefined ? {} : { device }),
  };
  return { kind: 'route-delete', route: key, text: `remove stale route ${routeText(key)}` };
}
