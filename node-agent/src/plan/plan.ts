import type { DesiredHost } from '@causeway/shared/desired/host';
import type { FirewallIntent } from '@causeway/shared/desired/intent';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { Ruleset } from '@causeway/shared/rules/ruleset';
import { planBridge, subnetOf } from './bridge.ts';
import {
  dataplaneOf,
  type FirewallListing,
  type Observed,
  type ObservedFirewall,
  type ObservedNetwork,
} from './observed.ts';
import { inOrder } from './order.ts';
import { isOurs, planRoutes, routeText } from './routes.ts';
import type { FirewallStep, Plan, Step } from './step.ts';
import { planSysctls } from './sysctls.ts';

export type Rulesets = Readonly<Record<Dataplane, Ruleset>>;

/**
 * The steps that bring a kernel which holds `observed` to `desired`, in the order in which they must be applied.
 * Pure. Parts of `observed` that are absent get no steps; planning again after applying all steps gives none.
 */
export function plan(desired: DesiredHost, observed: Observed, rulesets: Rulesets): Plan {
  const network = observed.network === undefined ? NOTHING : planNetwork(desired, observed.network);
  const firewall =
    observed.firewall === undefined ? [] : planFirewall(desired.firewall, observed.firewall, rulesets);
  return { ...network, steps: inOrder([...network.steps, ...firewall]) };
}

/** The one step that turns rules that hold exactly `from` into `to`; undefined when nothing differs. */
export function planChange(
  from: FirewallIntent,
  to: FirewallIntent,
  tool: ObservedFirewall['tool'],
  rulesets: Rulesets,
): FirewallStep | undefined {
  const input = rulesets[dataplaneOf(tool)].change(from, to);
  if (input === '') return undefined;
  return { kind: 'firewall-apply', tool, input, reasons: [], text: `change the ${tool} rules` };
}

/** The steps that remove everything of ours from these tools. */
export function planClean(
  leftovers: readonly FirewallListing[],
  rulesets: Rulesets,
): readonly FirewallStep[] {
  return leftovers
    .map(
      ({ tool, listing }): FirewallStep => ({
        kind: 'firewall-clean',
        tool,
        input: rulesets[dataplaneOf(tool)].clean(listing),
        reasons: [],
        text: `remove our rules from ${tool}`,
      }),
    )
    .filter((step) => step.input !== '');
}

const NOTHING: Plan = { steps: [], problems: [], blocked: [] };
/** Most differences that a step's text repeats. */
const SHOWN_REASONS = 3;

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

function planFirewall(
  intent: FirewallIntent,
  observed: ObservedFirewall,
  rulesets: Rulesets,
): readonly Step[] {
  const { tool, listing, leftovers } = observed;
  const ruleset = rulesets[dataplaneOf(tool)];
  const reasons = ruleset.drift(intent, listing);
  const clean = planClean(leftovers, rulesets);
  if (reasons.length === 0) return clean;
  const input = ruleset.full(intent, listing);
  return [{ kind: 'firewall-apply', tool, input, reasons, text: fullText(tool, reasons) }, ...clean];
}

function fullText(tool: string, reasons: readonly string[]): string {
  const more = reasons.length > SHOWN_REASONS ? `; and ${reasons.length - SHOWN_REASONS} more` : '';
  const why = reasons.length === 0 ? '' : `: ${reasons.slice(0, SHOWN_REASONS).join('; ')}${more}`;
  return `write all rules of ours to ${tool}${why}`;
}
