import type { Family } from '@causeway/shared/net/family';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, PrefixState, Store, Watch } from '@causeway/shared/store/store';
import type { Candidate } from './membership.ts';
import { planAttempt } from './plan.ts';
import { registryOf } from './registry.ts';

/** What keeps a host from a subnet, and the configuration that says how many there are. */
const PREFIXES = [keys.networkPrefix, keys.claimPrefix, keys.reservationPrefix, keys.acceptedNetwork];

/** Who waits, and for what. */
export interface Waiting {
  readonly node: Candidate;
  /** Families that have no free subnet. */
  readonly exhausted: readonly Family[];
}

/**
 * Tells after each change whether a subnet is free for a host that waits, so that it asks etcd only then, and not when
 * another that waits was faster. Costs etcd no request while nothing changes.
 */
export function watchForFree(store: Store, waiting: () => Waiting, onLook: (isFree: boolean) => void): Watch {
  const states = new Map<string, PrefixState['items']>();
  const watches = PREFIXES.map((prefix) =>
    store.watchPrefix(prefix, {
      onState: ({ items }) => {
        states.set(prefix, items);
        if (states.size === PREFIXES.length)
          onLook(isFree(new Map([...states.values()].flatMap((one) => [...one])), waiting()));
      },
    }),
  );
  return {
    close: () => {
      for (const watch of watches) watch.close();
    },
  };
}

function isFree(items: ReadonlyMap<string, KeyValue>, { node, exhausted }: Waiting): boolean {
  const wishes = { current: {}, last: {}, flannel: {} };
  try {
    const registry = registryOf(items, node);
    const attempt = planAttempt(registry, { node, instance: '', wishes, random: { ipv4: 0, ipv6: 0 } });
    return exhausted.some((family) => !attempt.exhausted.includes(family));
  } catch {
    // There is no network at the moment.
    return false;
  }
}
