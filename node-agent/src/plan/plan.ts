import type { DesiredHost } from '@causeway/shared/desired/host';
import { planBridge, subnetOf } from './bridge.ts';
import { planFirewall, type Rulesets } from './firewall.ts';
import type { Observed, ObservedNetwork } from './observed.ts';
import { inOrder } from './order.ts';
import { isOurs, planRoutes, routeText } from './routes.ts';
import type { Plan, Step } from './step.ts';
import { planSysctls } from './sysctls.ts';

/**
 * The steps that bring a kernel which holds `observed` to `desired`, in the order in which they must be applied.
 * Pure. Parts of `observed` that are absent get no steps; planning again after applying all steps gives none.
 */
export function plan(desired: DesiredHost, observed: Observed, rulesets: Rulesets): Plan {
  const network = observed.network === undefined ? NOTHING : planNetwork(desired, observed.network);
  const firewall =
    observed.firewall === undefined ? [] : planFirewall(desired.firewalls, observed.firewall, rulesets);
  return { ...network, steps: inOrder([...network.steps, ...firewall]) };
}

const NOTHING: Plan = { steps: [], problems: [], blocked: [] };

function planNetwork(desired: DesiredHost, observed: ObservedNetwork): Plan {
  const bridge = planBridge(desired.bridge, observed);
  const routes = planRoutes(desired.routes, observed.routes);
  const made = observed.bridge === undefined ? desired.bridge.name : undefined;
  const sysctls = planSysctls(desired.sysctls, observed.sysctls, made);
  const steps: readonly Step[] = [...bridge, ...sysctls.steps, ...routes.steps];
  const problems = [...sysctls.problems, ...routes.problems, ...ownSubnetTaken(desired, observed)];
  return { steps, problems, blocked: routes.blocked };
}

/** Somebody else's route to this host's own containers would take their packets away. */
function ownSubnetTaken(desired: DesiredHost, observed: ObservedNetwork): readonly string[] {
  const own = subnetOf(desired.bridge);
  return observed.routes
    .filter((route) => route.destination === own && route.device !== desired.bridge.name && !isOurs(route))
    .map(
      (route) =>
        `attaching ${own} to ${desired.bridge.name}: another route leads there (${routeText(route)})`,
    );
}
