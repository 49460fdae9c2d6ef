import { CAUSEWAY_PREFIX, FLANNEL_PREFIX } from '../names.ts';
import { follower } from '../sorted-map.ts';
import type { Guard, KeyValue, PrefixState, Store, Write } from './store.ts';

/**
 * Where the keys of a network are whose operator chose a prefix of his own. All keys move, also those that are not
 * flannel's, or two networks in one etcd would share their hosts, claims and services. Ours go beside
 * `CAUSEWAY_PREFIX`, not below it, since whoever watches that one watches it whole.
 */
function roots(prefix: string): readonly (readonly [ours: string, stored: string])[] {
  // With its first slash, since `/net` and `net` are two networks.
  const network = encodeURIComponent(prefix);
  const version = CAUSEWAY_PREFIX.lastIndexOf('/');
  const [root, last] = [CAUSEWAY_PREFIX.slice(0, version), CAUSEWAY_PREFIX.slice(version)];
  return [
    [`${FLANNEL_PREFIX}/`, `${prefix}/`],
    [`${CAUSEWAY_PREFIX}/`, `${root}/networks/${network}${last}/`],
  ];
}

/**
 * A store whose keys have the names of `keys.ts` for its users, and others in etcd.
 *
 * @param prefix what flannel's `/coreos.com/network` is called in etcd, without a slash at its end
 */
export function withPrefix(store: Store, prefix: string): Store {
  const moved = roots(prefix);
  const stored = (key: string) => {
    const [from, to] = moved.find(([ours]) => key.startsWith(ours)) ?? ['', ''];
    return to + key.slice(from.length);
  };
  const guard = (one: Guard): Guard => ({ ...one, key: stored(one.key) });
  const write = (one: Write): Write =>
    'put' in one ? { ...one, put: stored(one.put) } : { delete: stored(one.delete) };

  return {
    get: async (key) => {
      const found = await store.get(stored(key));
      return found === undefined ? undefined : { ...found, key, storedKey: found.key };
    },
    list: async (asked) => {
      const { items, revision } = await store.list(stored(asked));
      return { items: items.map(nameBack(stored(asked), asked)), revision };
    },
    transaction: (guards, writes) => store.transaction(guards.map(guard), writes.map(write)),
    grantLease: (ttlSeconds) => store.grantLease(ttlSeconds),
    timeToLive: (leaseId) => store.timeToLive(leaseId),
    watchPrefix: (asked, listener) => {
      const rename = renamer(stored(asked), asked);
      return store.watchPrefix(stored(asked), {
        onState: (state) => listener.onState(rename(state)),
        onConnection: (connected, reason) => listener.onConnection?.(connected, reason),
      });
    },
    ping: () => store.ping(),
    close: () => store.close(),
  };
}

function nameBack(storedPrefix: string, asked: string): (kv: KeyValue) => KeyValue {
  return (kv) => ({ ...kv, key: asked + kv.key.slice(storedPrefix.length), storedKey: kv.key });
}

/** Gives the same object for the same object, since whoever reads the states goes by identity. */
function renamer(storedPrefix: string, asked: string): (state: PrefixState) => PrefixState {
  const renamed = (key: string) => asked + key.slice(storedPrefix.length);
  const follow = follower(nameBack(storedPrefix, asked), renamed);
  return ({ items, revision, changed }) => ({
    items: follow(items),
    revision,
    storedPrefix,
    ...(changed === undefined ? {} : { changed: changed.map(renamed) }),
  });
}
