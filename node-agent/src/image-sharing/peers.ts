import { CausewayError } from '@causeway/shared/errors';
import { decodeImageHolder } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import type { PeerClient } from '../api/client.ts';
import type { ImagePeers } from '../images/fetch.ts';

/**
 * The other hosts of the cluster, by what they say in etcd.
 *
 * @param host this one
 * @param random 0 ≤ random() < 1: hosts that want one image at a time ask different holders
 */
export function clusterPeers(
  store: Store,
  client: PeerClient,
  host: string,
  random: () => number = Math.random,
): ImagePeers {
  return {
    holdersOf: async (digest) => {
      const { items } = await store.list(keys.imageHolderPrefix);
      const holders = items.flatMap((kv) => {
        const holder = decodeImageHolder(kv);
        return holder instanceof CausewayError || !holder.digests.includes(digest) ? [] : [holder.node];
      });
      return shuffled(
        holders.filter((holder) => holder !== host),
        random,
      );
    },
    open: async (holder, blob, from) =>
      (await client.request(holder, { path: `/v1/blobs/${blob}?from=${from}` })).body,
  };
}

function shuffled(names: readonly string[], random: () => number): readonly string[] {
  return names
    .map((name) => [random(), name] as const)
    .sort(([a], [b]) => a - b)
    .map(([, name]) => name);
}
