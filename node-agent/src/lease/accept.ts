import type { NetworkConfig } from '@causeway/shared/model/network';
import { encodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, Store } from '@causeway/shared/store/store';

/**
 * Notes in etcd that hosts follow this configuration, so that it holds while a later one waits for its confirmation.
 * Nothing is written when that is noted already, or when etcd has another configuration by then.
 *
 * @param config what hosts follow: `effectiveConfig`, when nothing of it was refused
 * @param configRevision of the configuration's key when it was read
 * @returns whether it is noted now, by whomever
 * @throws CausewayError `unreachable`, `timeout`
 */
export async function acceptNetwork(
  store: Store,
  config: NetworkConfig,
  configRevision: number,
): Promise<boolean> {
  const value = encodeNetworkConfig(config);
  const key = keys.acceptedNetwork;
  const found = await store.get(key);
  if (found?.value === value) return true;
  const unchanged: Guard =
    found === undefined ? { key, absent: true } : { key, modRevision: found.modRevision };
  const { ok } = await store.transaction(
    [unchanged, { key: keys.networkConfig, modRevision: configRevision }],
    [{ put: key, value }],
  );
  return ok;
}
