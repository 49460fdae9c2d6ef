import type { AppOptions } from '@causeway/controller/app';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { keys } from '@causeway/shared/store/keys';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { startEtcd, type TestEtcd } from './etcd.ts';
import { type RealController, startRealController } from './real-controller.ts';

export interface Controllers {
  readonly etcd: TestEtcd;
  readonly all: readonly RealController[];
  /** One of the two, by turns. */
  at(index: number): RealController;
  /** What etcd has below a prefix, by the rest of the key. */
  stored(prefix: string): Promise<Record<string, string>>;
}

/** Two controllers over one real etcd, as they run on two hosts; for each test they start in an empty etcd. */
export function useControllers(options: Pick<AppOptions, 'patienceMs'> = {}): Controllers {
  let etcd: TestEtcd | undefined;
  let all: readonly RealController[] = [];
  const endpoint = () => found(etcd).endpoint;
  const at = (index: number) => found(all[index % all.length]);
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd?.stop());
  beforeEach(async () => {
    await empty(endpoint());
    all = await Promise.all([0, 1].map(() => startRealController(endpoint(), {}, options)));
  });
  afterEach(async () => {
    await Promise.all(all.map((controller) => controller.close()));
  });
  return {
    get etcd() {
      return found(etcd);
    },
    get all() {
      return all;
    },
    at,
    stored: async (prefix) => {
      const { items } = await at(0).store.list(prefix);
      return Object.fromEntries(items.map(({ key, value }) => [key.slice(prefix.length), value]));
    },
  };
}

async function empty(endpoint: string): Promise<void> {
  const store = openEtcdStore({ endpoints: [endpoint] });
  for (const prefix of [keys.networkPrefix, '/causeway/v1/']) {
    const { items } = await store.list(prefix);
    for (const { key } of items) await store.transaction([], [{ delete: key }]);
  }
  store.close();
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the controllers are not up');
  return value;
}
