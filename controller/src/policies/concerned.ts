import { type Labels, selects } from '../endpoints/places.ts';
import type { Change } from '../view/tables.ts';
import type { View } from '../view/view.ts';
import { rulesOf } from './resolve.ts';

/** The policies of which a rule may mean others after these changes. */
export function concernedPolicies(changes: readonly Change[], view: View): ReadonlySet<string> {
  const found = new Set<string>();
  const labels = new Map<string, Labels>();
  const note = (name: string, all: readonly (Labels | undefined)[]) => {
    for (const policy of view.lookUps.policiesNaming.of(name)) found.add(policy);
    for (const one of all) if (one !== undefined) labels.set(JSON.stringify(one), one);
  };
  for (const change of changes) {
    switch (change.kind) {
      case 'networkPolicy':
      case 'policyPeers':
        found.add(change.id);
        break;
      case 'container':
      case 'workload':
        note(change.id, [change.before?.value.labels, change.after?.value.labels]);
        break;
      case 'containerStatus':
        note(change.id, [view.tables.container.get(change.id)?.value.labels]);
        break;
    }
  }
  if (labels.size > 0) addSelecting(found, [...labels.values()], view);
  return found;
}

function addSelecting(found: Set<string>, labels: readonly Labels[], { lookUps, tables }: View): void {
  for (const name of lookUps.policiesSelecting) {
    const policy = tables.networkPolicy.get(name)?.value;
    if (policy === undefined || found.has(name)) continue;
    const isMeant = rulesOf(policy).some(({ peers }) => {
      const wanted = peers?.labels;
      return wanted !== undefined && labels.some((one) => selects(wanted, one));
    });
    if (isMeant) found.add(name);
  }
}
