import { isDeepStrictEqual } from 'node:util';
import type { PolicyPeerSet } from '@causeway/shared/model/network-policy';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard } from '@causeway/shared/store/store';
import type { Change } from '../allocate/transaction.ts';
import type { View } from '../view/view.ts';
import { namesPeers, type PeerPlaces, resolvePeers, rulesOf } from './resolve.ts';

/** The view as resolving peers sees it. */
export function peerPlaces({ tables, lookUps }: View): PeerPlaces {
  return {
    container: (name) => tables.container.get(name)?.value,
    status: (name) => tables.containerStatus.get(name)?.value,
    workload: (name) => tables.workload.get(name)?.value,
    selected: (labels) => lookUps.selected(labels),
  };
}

/** What would make the peers of a policy those that it means; undefined: they are, or nobody knows what it says. */
export function peersUpdate(view: View, name: string): Change | undefined {
  const spec = view.tables.networkPolicy.get(name);
  if (spec === undefined || view.unreadable.has(keys.policySpec(name))) return undefined;
  const key = keys.policyPeers(name);
  // A set that does not parse is written over.
  const isUnreadable = view.unreadable.has(key);
  const old = isUnreadable ? undefined : view.tables.policyPeers.get(name);
  const set = peersOf(view, name, old?.value);
  if (set === undefined || (old !== undefined && isDeepStrictEqual(old.value, set))) return undefined;
  const guards: Guard[] = [{ key: keys.policySpec(name), modRevision: spec.revision }];
  if (old !== undefined) guards.push({ key, modRevision: old.revision });
  else if (!isUnreadable) guards.push({ key, absent: true });
  return { guards, writes: [{ put: key, value: encode(set) }] };
}

/** Of something in a key that never could be read nobody knows what it is: who was denied for it stays so. */
function peersOf(view: View, name: string, old: PolicyPeerSet | undefined): PolicyPeerSet | undefined {
  const policy = view.tables.networkPolicy.get(name)?.value;
  if (policy === undefined) return undefined;
  const isVague = old !== undefined && rulesOf(policy).some(namesPeers) && hasUnknown(view);
  return resolvePeers(policy, peerPlaces(view), isVague ? old : undefined);
}

function hasUnknown({ tables, unreadable }: View): boolean {
  for (const key of unreadable.keys()) {
    const nameAfter = (prefix: string) => (key.startsWith(prefix) ? key.slice(prefix.length) : undefined);
    const [container, status, workload] = [
      nameAfter(keys.containerPrefix),
      nameAfter(keys.containerStatusPrefix),
      nameAfter(keys.workloadPrefix),
    ];
    if (container !== undefined && !tables.container.has(container)) return true;
    if (status !== undefined && !tables.containerStatus.has(status)) return true;
    if (workload !== undefined && !tables.workload.has(workload)) return true;
  }
  return false;
}
