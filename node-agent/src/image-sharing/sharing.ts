import { createPeerClient } from '../api/client.ts';
import type { Route } from '../api/routes.ts';
import { imageRoutes } from '../images/routes.ts';
import type { ImageKeeper } from '../images/store.ts';
import { collectImages, type UsedHere } from './collector.ts';
import { createHolderRecord, type HolderDeps } from './holders.ts';
import { clusterPeers } from './peers.ts';

export interface ImageSharing {
  readonly routes: readonly Route[];
  /** What was written is gone, or may be: etcd is back, or the sign of life is on another lease. */
  again(): void;
  stop(): Promise<void>;
}

export type SharingDeps = Omit<HolderDeps, 'held'> & {
  readonly images: ImageKeeper;
  readonly usedHere: UsedHere;
};

/** Makes a host's images the cluster's: others fetch them here, and this one from others. */
export function shareImages({ images, usedHere, ...deps }: SharingDeps): ImageSharing {
  const { store, host, log } = deps;
  images.connect(clusterPeers(store, createPeerClient(store), host));
  const record = createHolderRecord({ ...deps, held: () => images.held() });
  const unlisten = images.onChange(() => record.again());
  const stopCollecting = collectImages({ images, store, usedHere, log });
  return {
    routes: imageRoutes(images),
    again: () => record.again(),
    stop: async () => {
      unlisten();
      stopCollecting();
      await record.stop();
    },
  };
}
