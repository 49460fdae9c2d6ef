import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { chainIds, digestOf, type ImageDocument } from '@causeway/shared/model/oci-image';
import { flushFile } from './durable.ts';
import type { ImageConfig, ReadyImage } from './image.ts';
import { heldPath, layerPath, type StorePlaces } from './places.ts';

/** What is known of an image that is here whole: all its blobs, and its layers unpacked. */
export interface HeldImage {
  /** Of the manifest. */
  readonly digest: string;
  /** Of all blobs, bytes. */
  readonly size: number;
  /** Of the configuration and the layers. */
  readonly blobs: readonly string[];
  /** The lowest first. */
  readonly chains: readonly string[];
  readonly config: ImageConfig;
}

/** PURE. */
export function heldImage(
  digest: string,
  size: number,
  blobs: readonly string[],
  document: ImageDocument,
): HeldImage {
  const { Entrypoint, Cmd, Env, User, WorkingDir, StopSignal } = document.config ?? {};
  return {
    ...{ digest, size, blobs, chains: chainIds(document.rootfs.diff_ids) },
    config: {
      ...{ entrypoint: Entrypoint ?? [], cmd: Cmd ?? [], env: Env ?? [] },
      ...(User === undefined ? {} : { user: User }),
      ...(WorkingDir === undefined ? {} : { workdir: WorkingDir }),
      ...(StopSignal === undefined ? {} : { stopSignal: StopSignal }),
    },
  };
}

/** PURE. */
export function readyImage(places: StorePlaces, { digest, chains, config }: HeldImage): ReadyImage {
  return { digest, lowers: chains.map((chain) => layerPath(places, chain)).reverse(), config };
}

/** @returns undefined when the image is not here, or not whole */
export async function readHeld(places: StorePlaces, digest: string): Promise<HeldImage | undefined> {
  try {
    const held: HeldImage = JSON.parse(await readFile(heldPath(places, digest), 'utf8'));
    const folders = await Promise.all(held.chains.map((chain) => stat(layerPath(places, chain))));
    return folders.every((folder) => folder.isDirectory()) ? held : undefined;
  } catch {
    return undefined;
  }
}

/** All images that are here whole, by digest. */
export async function listHeld(places: StorePlaces): Promise<readonly HeldImage[]> {
  const files = (await readdir(places.held).catch(() => [])).filter((file) =>
    /^[0-9a-f]{64}\.json$/.test(file),
  );
  const digests = files.map((file) => digestOf(`sha256:${file.slice(0, 64)}`)).sort();
  const images = await Promise.all(digests.map((digest) => readHeld(places, digest)));
  return images.filter((image) => image !== undefined);
}

/** The last act of taking an image: with this file it is here, also after a power cut. */
export async function writeHeld(places: StorePlaces, held: HeldImage): Promise<void> {
  const path = heldPath(places, held.digest);
  await mkdir(places.held, { recursive: true });
  await writeFile(`${path}.tmp`, JSON.stringify(held), { flush: true });
  await rename(`${path}.tmp`, path);
  await flushFile(places.held);
}

export async function removeHeld(places: StorePlaces, digest: string): Promise<void> {
  await rm(heldPath(places, digest), { force: true });
}
