import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { NetworkConfig } from '@causeway/shared/model/network';
import { encodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, Store } from '@causeway/shared/store/store';
import type { FollowedNetwork } from './registry.ts';

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

/** Hosts that follow a configuration at the same time spread their notes over this time, milliseconds: most find it done. */
const SPREAD_MS = 2_000;
const RETRY_MS = 10_000;

export interface AcceptOptions {
  /** 0 ≤ random() < 1 */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Notes the configuration that is followed, some time soon, if that is not noted yet; goes on until etcd has taken it. */
export function acceptSoon(store: Store, network: FollowedNetwork, { random, signal }: AcceptOptions): void {
  const { config, accepted, refused, revision } = network;
  if (refused !== undefined || revision === 0 || isDeepStrictEqual(config, accepted)) return;
  const after = async (ms: number): Promise<void> => {
    await sleep(ms, undefined, { signal, ref: false });
    await acceptNetwork(store, config, revision).catch(() => after(RETRY_MS));
  };
  after(random() * SPREAD_MS).catch(() => undefined);
}
