import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { ImageRef } from '@causeway/shared/model/container';
import { decodeContainer, decodeImage } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import type { ImageKeeper } from '../images/store.ts';
import type { Logger } from '../logger.ts';

const FIRST_MS = 60_000;
const EVERY_MS = 10 * 60_000;

export interface CollectDeps {
  readonly images: Pick<ImageKeeper, 'collect'>;
  readonly store: Store;
  readonly usedHere: UsedHere;
  readonly log: Logger;
}

/** Images of this host's containers as the host knows them, whatever etcd says. */
export type UsedHere = () => Promise<readonly ImageRef[]>;

/**
 * Removes images that nobody needs, every few minutes. Without etcd's word nothing is removed.
 *
 * @returns stops it
 */
export function collectImages({ images, store, usedHere, log }: CollectDeps): () => void {
  const look = async () => {
    try {
      const needed = await neededImages(store, usedHere);
      const gone = needed === undefined ? 0 : await images.collect(needed);
      if (gone > 0) log.info({ gone }, 'images that nobody needs were removed');
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'images that nobody needs could not be removed');
    }
  };
  let timer = setTimeout(again, FIRST_MS).unref();
  function again(): void {
    void look().then(() => {
      timer = setTimeout(again, EVERY_MS).unref();
    });
  }
  return () => clearTimeout(timer);
}

/** @returns digests of all that have a name or a container; undefined when that is not known of all of them */
export async function neededImages(
  store: Store,
  usedHere: UsedHere,
): Promise<ReadonlySet<string> | undefined> {
  // A name is looked at first: a container that is made of it meanwhile is found then.
  const names = (await store.list(keys.imagePrefix)).items.map(decodeImage);
  const containers = (await store.list(keys.containerPrefix)).items.map(decodeContainer);
  const needed = new Set((await usedHere()).flatMap(({ digest }) => digest ?? []));
  for (const image of names) {
    if (image instanceof CausewayError) return undefined;
    needed.add(image.digest);
  }
  for (const container of containers) {
    if (container instanceof CausewayError) return undefined;
    if (container.image?.digest !== undefined) needed.add(container.image.digest);
  }
  return needed;
}
