import type { ImageRef } from '@causeway/shared/model/container';
import type { ImageStore, ReadyImage } from '../images/image.ts';

/** Images for starts that wait for nobody: what has to be brought first comes in the background. */
export interface ImageSupply {
  /**
   * @returns undefined: it is on its way
   * @throws CausewayError when it could not be brought; the next call tries anew
   */
  take(ref: ImageRef | undefined): Promise<ReadyImage | undefined>;
}

/** @param wake is called when an image has come, or cannot come */
export function createImageSupply(
  store: Pick<ImageStore, 'ready' | 'isHere'>,
  wake: () => void,
): ImageSupply {
  const coming = new Set<string>();
  const faults = new Map<string, unknown>();
  const bring = async (key: string, ref: ImageRef | undefined): Promise<void> => {
    try {
      await store.ready(ref);
    } catch (fault) {
      faults.set(key, fault);
    }
    coming.delete(key);
    wake();
  };
  return {
    async take(ref) {
      const key = ref?.digest ?? ref?.name ?? '';
      if (coming.has(key)) return undefined;
      if (faults.has(key)) {
        const fault = faults.get(key);
        faults.delete(key);
        throw fault;
      }
      if (await store.isHere(ref)) return store.ready(ref);
      // Somebody else may have asked for it meanwhile.
      if (!coming.has(key)) {
        coming.add(key);
        void bring(key, ref);
      }
      return undefined;
    },
  };
}
