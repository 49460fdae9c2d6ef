import { CausewayError } from '@causeway/shared/errors';
import type { ImageRef } from '@causeway/shared/model/container';
import { BUILT_IN_IMAGE } from '@causeway/shared/model/image';
import { builtInImage } from './busybox.ts';
import { readHeld, readyImage } from './held.ts';
import type { ImageStore } from './image.ts';
import { storePlaces } from './places.ts';

export interface ImageStoreOptions {
  /** `<state-dir>/images` */
  readonly dir: string;
}

export function createImageStore({ dir }: ImageStoreOptions): ImageStore {
  const places = storePlaces(dir);
  const builtIn = builtInImage(places);
  return {
    ready: async (ref) => {
      const digest = digestIn(ref);
      if (digest === undefined) return builtIn();
      const held = await readHeld(places, digest);
      if (held !== undefined) return readyImage(places, held);
      throw new CausewayError('not-found', `image ${ref?.name} (${digest}): no host has it`);
    },
    isHere: async (ref) => {
      const digest = digestIn(ref);
      return digest === undefined || (await readHeld(places, digest)) !== undefined;
    },
  };
}

/** @returns undefined for the built-in image */
function digestIn(ref: ImageRef | undefined): string | undefined {
  if (ref === undefined || ref.digest !== undefined) return ref?.digest;
  if (ref.name === BUILT_IN_IMAGE) return undefined;
  throw new CausewayError('invalid', `image ${ref.name}: no digest says which one it is`);
}
