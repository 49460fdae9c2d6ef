import { planClean, type Rulesets } from './firewall.ts';
import type { FirewallListing, ObservedRoute } from './observed.ts';
import { inOrder } from './order.ts';
import { deletion } from './routes.ts';
import type { Step } from './step.ts';

/** Everything of ours that a kernel holds. */
export interface Remains {
  readonly links: readonly string[];
  /** Of our protocol only. */
  readonly routes: readonly ObservedRoute[];
  readonly firewalls: readonly FirewallListing[];
}

/** The steps that leave nothing of ours. */
export function planRemoval(remains: Remains, rulesets: Rulesets): readonly Step[] {
  return inOrder([
    ...planClean(remains.firewalls, rulesets),
    ...remains.routes.map((route) => ({ ...deletion(route), text: `remove route ${route.destination}` })),
    ...remains.links.map((link): Step => ({ kind: 'link-delete', link, text: `remove link ${link}` })),
  ]);
}
