import { type EtcdStoreOptions, openEtcdStore } from '@causeway/shared/store/etcd';
import type { PrefixState, Store } from '@causeway/shared/store/store';
import { expect, onTestFinished, vi } from 'vitest';

/** How long a test waits for what must happen at some time. */
export const patient = { timeout: 20_000, interval: 10 };

/** vitest's own; a concurrent test must hand in that of its context. */
export type WhenFinished = (undo: () => void | Promise<void>) => void;

/** A store that is closed when the test ends. */
export function openStore(
  endpoints: string | readonly string[],
  options: Partial<EtcdStoreOptions> = {},
  finished: WhenFinished = onTestFinished,
): Store {
  const list = typeof endpoints === 'string' ? [endpoints] : endpoints;
  const store = openEtcdStore({ callTimeoutMs: 2_000, retryMaxMs: 500, ...options, endpoints: list });
  finished(() => store.close());
  return store;
}

/** Watches a prefix until the test ends, and keeps what it was told. */
export function follow(store: Store, prefix: string, finished: WhenFinished = onTestFinished) {
  const states: PrefixState[] = [];
  const connections: boolean[] = [];
  const watch = store.watchPrefix(prefix, {
    onState: (state) => states.push(state),
    onConnection: (connected) => connections.push(connected),
  });
  finished(() => watch.close());
  const values = () => Object.fromEntries([...(states.at(-1)?.items ?? [])].map(([k, kv]) => [k, kv.value]));
  return {
    states,
    connections,
    values,
    isConnected: () => vi.waitFor(() => expect(connections.at(-1)).toBe(true), patient),
    isBroken: () => vi.waitFor(() => expect(connections.at(-1)).toBe(false), patient),
    holds: (expected: Record<string, string>) =>
      vi.waitFor(() => expect(values()).toEqual(expected), patient),
  };
}
