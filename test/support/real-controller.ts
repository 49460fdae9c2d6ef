import { type AppOptions, buildApp } from '@causeway/controller/app';
import { ensureCluster, type Wanted } from '@causeway/controller/bootstrap';
import type { App } from '@causeway/controller/deps';
import { startEndpointLoop } from '@causeway/controller/endpoints/loop';
import { View } from '@causeway/controller/view/view';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import type { Store } from '@causeway/shared/store/store';

/** A controller over a real etcd, with a connection of its own, as it runs on a host. It listens nowhere. */
export interface RealController {
  readonly store: Store;
  readonly view: View;
  readonly app: App;
  /** Resolves when it has no endpoints left to look at. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** @param options `clock`: milliseconds since the epoch, as this controller's machine has it */
export async function startRealController(
  endpoint: string,
  wanted: Wanted = {},
  options: Pick<AppOptions, 'patienceMs'> & { readonly clock?: () => number } = {},
): Promise<RealController> {
  const { clock = Date.now, ...rest } = options;
  const chance = { random: Math.random, now: () => new Date(clock()).toISOString() };
  const store = openEtcdStore({ endpoints: [endpoint] });
  await ensureCluster(store, wanted, () => {});
  const view = new View(store);
  await view.whole(5_000);
  const app = await buildApp({ store, view, chance, ...rest });
  const loop = startEndpointLoop(store, view, { debug: () => {}, warn: () => {} }, clock);
  return {
    store,
    view,
    app,
    idle: () => loop.idle(),
    close: async () => {
      loop.stop();
      await app.close();
      view.close();
      store.close();
    },
  };
}
