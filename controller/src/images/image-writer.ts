import { CausewayError, show } from '@causeway/shared/errors';
import type { ImageRecord, ImageTaken } from '@causeway/shared/model/image';
import { checkImageName } from '@causeway/shared/model/image-input';
import { decodeContainer, decodeImage, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import type { WriteOptions } from '../allocate/service-writer.ts';
import { checkIfMatch } from '../if-match.ts';
import type { View } from '../view/view.ts';

/** How long a write's answer waits for the view to hold it, milliseconds. */
const VIEW_MS = 3_000;

export interface WrittenImage {
  readonly image: ImageRecord;
  readonly revision: number;
  readonly created: boolean;
}

/** Writes what images' names mean: one key each. */
export class ImageWriter {
  readonly #store: Store;
  readonly #view: View;

  constructor(store: Store, view: View) {
    this.#store = store;
    this.#view = view;
  }

  /**
   * Gives a name to an image that a host holds; one that has it already keeps its time and its revision.
   *
   * @throws CausewayError `invalid` for the built-in image's name
   */
  async give(name: string, { digest, size }: ImageTaken, createdAt: string): Promise<WrittenImage> {
    checkImageName(name);
    const key = keys.image(name);
    const found = await this.#store.get(key);
    const old = found === undefined ? undefined : decodeImage(found);
    if (found !== undefined && old !== undefined && !(old instanceof CausewayError) && old.digest === digest)
      return { image: old, revision: found.modRevision, created: false };
    const image = { name, digest, size, createdAt };
    const guard =
      found === undefined ? ({ key, absent: true } as const) : { key, modRevision: found.modRevision };
    const result = await this.#store.transaction([guard], [{ put: key, value: encode(image) }]);
    if (!result.ok) return this.give(name, { digest, size, notes: [] }, createdAt);
    await this.#view.reached('causeway', result.revision, VIEW_MS);
    return { image, revision: result.revision, created: found === undefined };
  }

  /**
   * Takes a name back. Hosts let go of the image some time after.
   *
   * @throws CausewayError `not-found`, or `conflict` naming a container that is made of it
   */
  async remove(name: string, options: WriteOptions): Promise<{ readonly revision: number }> {
    checkImageName(name);
    const key = keys.image(name);
    const found = await this.#store.get(key);
    checkIfMatch(options.ifMatch, `image "${name}"`, found?.modRevision);
    if (found === undefined)
      throw new CausewayError('not-found', `there is no image ${show(name)}`, { field: 'name', value: name });
    await this.#checkUnused(name);
    if (options.dryRun) return { revision: found.modRevision };
    const result = await this.#store.transaction(
      [{ key, modRevision: found.modRevision }],
      [{ delete: key }],
    );
    if (!result.ok) return this.remove(name, options);
    await this.#view.reached('causeway', result.revision, VIEW_MS);
    return { revision: result.revision };
  }

  async #checkUnused(name: string): Promise<void> {
    const { items } = await this.#store.list(keys.containerPrefix);
    const users = items.flatMap((kv) => {
      const container = decodeContainer(kv);
      return container instanceof CausewayError || container.image?.name !== name ? [] : [container];
    });
    const [first] = users;
    if (first === undefined) return;
    const more = users.length > 1 ? ` and ${users.length - 1} more` : '';
    throw new CausewayError(
      'conflict',
      `image ${show(name)} is in use by container "${first.name}" on ${first.host}${more}; remove that first`,
      { field: 'name', value: name },
    );
  }
}
