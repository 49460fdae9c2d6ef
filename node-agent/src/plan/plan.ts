import type { DesiredHost } from '@causeway/shared/desired/host';
import { planFirewall, type Rulesets } from './firewall.ts';
import { planNetwork } from './network.ts';
import type { Observed } from './observed.ts';
import { inOrder } from './order.ts';
import type { Plan } from './step.ts';

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
