import type { FirewallIntent, PolicyIntent, PolicySideIntent } from '../../desired/intent.ts';
import type { Ruleset } from '../ruleset.ts';
import { ruleset } from './index.ts';

/**
 * The rules where no ipsets can be made: in a direction that a policy speaks of, its containers take no new connections, or
 * make none. Whoever lacks a program is told so (`node-agent/src/kernel/ip-sets.ts`), and never gets less than he asked for.
 */
export const rulesetWithoutSets: Ruleset = {
  ...ruleset,
  full: (intent, listing) => ruleset.full(closed(intent), listing),
  change: (from, to) => ruleset.change(closed(from), closed(to)),
  drift: (intent, listing) => ruleset.drift(closed(intent), listing),
};

/** What of an intent is left without ipsets. The same for the same. */
export function closed(intent: FirewallIntent): FirewallIntent {
  if (intent.policies.length === 0) return intent;
  const policies = known.get(intent.policies) ?? intent.policies.map(closedPolicy);
  known.set(intent.policies, policies);
  return { ...intent, policies };
}

/** By list, so that what stays is the same object. */
const known = new WeakMap<readonly PolicyIntent[], readonly PolicyIntent[]>();

const NOBODY: PolicySideIntent = { default: 'deny', deny: [], allow: [], limited: [] };

function closedPolicy({ id, subjects, ingress, egress }: PolicyIntent): PolicyIntent {
  return {
    ...{ id, subjects },
    ...(ingress === undefined ? {} : { ingress: NOBODY }),
    ...(egress === undefined ? {} : { egress: NOBODY }),
  };
}
