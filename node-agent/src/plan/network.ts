import type { DesiredHost } from '@causeway/shared/desired/host';
import { planBridge, planFormer } from './bridge.ts';
import { intruders } from './intruders.ts';
import type { ObservedNetwork, ObservedRoute } from './observed.ts';
import { planRoutes } from './routes.ts';
import type { Plan } from './step.ts';
import { planSysctls } from './sysctls.ts';
import { planTunnels, type TunnelsPlan } from './tunnels.ts';

/** Protocol number of the routes that the kernel makes with an address. */
const KERNEL_PROTOCOL = 2;

/** The steps for links, addresses, tunnels, routes and settings, not yet in their order. */
export function planNetwork(desired: DesiredHost, seen: ObservedNetwork): Plan {
  const { steps: former, observed } = planFormer(desired.bridge, seen);
  const bridge = planBridge(desired.bridge, observed);
  const gateways = new Set(desired.routes.map((route) => route.gateway));
  const tunnels = planTunnels(desired.tunnels, observed.tunnels, gateways);
  const routes = planRoutes(desired.routes, remaining(desired, observed, tunnels));
  const sysctls = planSysctls(desired.sysctls, observed.sysctls, linksMade(desired, seen));
  return {
    steps: [...former, ...bridge, ...tunnels.steps, ...sysctls.steps, ...routes.steps],
    problems: [...sysctls.problems, ...routes.problems, ...intruders(desired, observed.routes)],
    blocked: routes.blocked,
  };
}

function linksMade(desired: DesiredHost, observed: ObservedNetwork): readonly string[] {
  const present = new Set(observed.tunnels.map(({ name }) => name));
  const tunnels = desired.tunnels.map(({ name }) => name).filter((name) => !present.has(name));
  return observed.bridge === undefined ? [desired.bridge.name, ...tunnels] : tunnels;
}

/**
 * The routes that stand by the time that routes are written. What the kernel made with the addresses of our own links
 * follows those; it never stands in the way.
 */
function remaining(
  desired: DesiredHost,
  observed: ObservedNetwork,
  { emptied }: TunnelsPlan,
): readonly ObservedRoute[] {
  const links = [desired.bridge, ...desired.tunnels, ...observed.tunnels].map(({ name }) => name);
  const ours = new Set(links);
  return observed.routes.filter(({ device = '', protocol, family }) => {
    if (protocol === KERNEL_PROTOCOL) return !ours.has(device);
    const lost = emptied.get(device);
    return lost === undefined || (lost === 'ipv4' && family === 'ipv6');
  });
}
