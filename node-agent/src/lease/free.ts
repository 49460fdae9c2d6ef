import { keys } from '@causeway/shared/store/keys';
import type { PrefixState, Store, Watch } from '@causeway/shared/store/store';

/** What keeps a host from a subnet, and the configuration that says how many there are. */
const PREFIXES = [keys.networkPrefix, keys.claimPrefix, keys.reservationPrefix];

/**
 * Tells when a subnet may have become free: a lease, a claim or a reservation is gone, a reservation or the
 * configuration is another; and once at first. Costs etcd no request while nothing changes.
 */
export function watchForFree(store: Store, onFree: () => void): Watch {
  const watches = PREFIXES.map((prefix) => {
    let known: PrefixState['items'] | undefined;
    return store.watchPrefix(prefix, {
      onState: ({ items, changed }) => {
        const before = known;
        known = items;
        // What went between the host's own look and this one is not among the changes.
        if (before === undefined) return onFree();
        const suspects = changed ?? [...before.keys(), keys.networkConfig];
        const gone = suspects.some((key) => before.has(key) && !items.has(key));
        const other = suspects.some((key) => isRule(key) && before.get(key)?.value !== items.get(key)?.value);
        if (gone || other) onFree();
      },
    });
  });
  return {
    close: () => {
      for (const watch of watches) watch.close();
    },
  };
}

function isRule(key: string): boolean {
  return key === keys.networkConfig || key.startsWith(keys.reservationPrefix);
}
