import { CausewayError, invalid } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { BUILT_IN_IMAGE } from '@causeway/shared/model/image';
import { decodeImage } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, Store } from '@causeway/shared/store/store';

/** Most names that a sentence lists. */
const MAX_LISTED = 10;

/**
 * Writes into a definition which image its name means at this moment.
 *
 * @param digest that it must be, if the user said so
 * @returns the guards that the name means it still
 * @throws CausewayError `invalid` when there is no such image, or it is another one
 */
export async function resolveImage(
  store: Store,
  spec: ContainerSpec,
  digest: string | undefined,
): Promise<{ readonly spec: ContainerSpec; readonly guard: readonly Guard[] }> {
  if (spec.image === undefined) return { spec, guard: [] };
  const { name } = spec.image;
  const key = keys.image(name);
  const found = await store.get(key);
  if (found === undefined) throw await noImage(store, name);
  const image = decodeImage(found);
  if (image instanceof CausewayError) throw image;
  if (digest !== undefined && digest !== image.digest)
    throw invalid('image.digest', digest, `is not what image "${name}" is: that is ${image.digest}`);
  return {
    spec: { ...spec, image: { name, digest: image.digest } },
    guard: [{ key, modRevision: found.modRevision }],
  };
}

async function noImage(store: Store, name: string): Promise<CausewayError> {
  const { items } = await store.list(keys.imagePrefix);
  const names = items.flatMap((item) => {
    const image = decodeImage(item);
    return image instanceof CausewayError ? [] : [image.name];
  });
  const all = [BUILT_IN_IMAGE, ...names.sort()];
  const listed = `${all.slice(0, MAX_LISTED).join(', ')}${all.length > MAX_LISTED ? '…' : ''}`;
  return invalid(
    'image',
    name,
    `is not an image of this cluster: it has ${listed}; "svcctl image import" adds one`,
  );
}
