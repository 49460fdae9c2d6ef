import { realpath, stat } from 'node:fs/promises';
import { CausewayError, messageOf, show } from '@causeway/shared/errors';
import {
  type Descriptor,
  INDEX_TYPES,
  parseDockerArchive,
  parseIndex,
  parseManifest,
} from '@causeway/shared/model/oci-image';
import { keepFile, readDocument, weigh, wrongDigest } from './blobs.ts';
import { keepManifest } from './manifest.ts';
import type { StorePlaces } from './places.ts';
import { hostArchitecture } from './platform.ts';

/**
 * Takes an OCI layout's image into the store.
 *
 * @param tree the layout's folder; its blobs are moved out of it
 * @returns the manifest's digest
 * @throws CausewayError `invalid` naming what is missing or has another digest
 */
export async function importLayout(places: StorePlaces, tree: string): Promise<string> {
  const text = await readDocument(await inside(tree, 'index.json'), 'index.json');
  const { digest } = await pick(tree, parseIndex(text, 'index.json').manifests, 'index.json');
  const json = await readDocument(await blobIn(tree, digest), `manifest ${digest}`, digest);
  const { config, layers } = parseManifest(json, `manifest ${digest}`);
  for (const one of new Map([config, ...layers].map((each) => [each.digest, each])).values()) {
    const file = await blobIn(tree, one.digest);
    const found = await weigh(file);
    if (found.digest !== one.digest) throw wrongDigest(`blob ${one.digest}`, one.digest, found.digest);
    if (found.size !== one.size)
      throw new CausewayError(
        'invalid',
        `blob ${one.digest} has ${found.size} bytes, its manifest says ${one.size}`,
      );
    await keepFile(places, file, one.digest);
  }
  await keepFile(places, await blobIn(tree, digest), digest);
  return digest;
}

/** The one manifest for this host that an index leads to. */
async function pick(tree: string, all: readonly Descriptor[], what: string, depth = 0): Promise<Descriptor> {
  const real = all.filter(({ platform }) => platform?.os !== 'unknown');
  const fitting = real.filter(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === hostArchitecture(),
  );
  const choices = real.length === 1 ? real : fitting;
  const [first] = choices;
  if (first === undefined || choices.length > 1) {
    const held = real.map(({ platform, annotations }) =>
      [annotations?.[REF_NAME], platform && `${platform.os}/${platform.architecture}`]
        .filter(Boolean)
        .join(' '),
    );
    const told = held.filter(Boolean).join(', ') || 'none has a name';
    throw new CausewayError(
      'invalid',
      `${what} has ${real.length} images (${told}), of which ${choices.length} are for this host: one is taken`,
    );
  }
  if (!INDEX_TYPES.includes(first.mediaType)) return first;
  if (depth > 1) throw new CausewayError('invalid', `${what}: indexes in indexes in indexes`);
  const { digest } = first;
  const text = await readDocument(await blobIn(tree, digest), `index ${digest}`, digest);
  return pick(tree, parseIndex(text, `index ${digest}`).manifests, `index ${digest}`, depth + 1);
}

const REF_NAME = 'org.opencontainers.image.ref.name';

/** Whether a tree is what `docker save` writes, and not a root file system with a file of that name. */
export async function isDockerArchive(tree: string): Promise<boolean> {
  try {
    parseDockerArchive(await readDocument(`${tree}/manifest.json`, 'manifest.json'), 'manifest.json');
    return true;
  } catch {
    return false;
  }
}

/** As `importLayout`, for what `docker save` writes: its layers become blobs of a manifest of ours. */
export async function importDockerArchive(places: StorePlaces, draft: string, tree: string): Promise<string> {
  const text = await readDocument(`${tree}/manifest.json`, 'manifest.json');
  const images = parseDockerArchive(text, 'manifest.json');
  const [image] = images;
  if (image === undefined || images.length > 1)
    throw new CausewayError('invalid', `manifest.json has ${images.length} images: one is taken`);
  const config = await readDocument(await inside(tree, image.Config), image.Config);
  const layers = [];
  for (const path of image.Layers) {
    const file = await inside(tree, path);
    layers.push({ mediaType: 'application/vnd.oci.image.layer.v1.tar', file, ...(await weigh(file)) });
  }
  // One file may be several layers.
  const kept = new Map(layers.map(({ file, digest }) => [file, digest]));
  for (const [file, digest] of kept) await keepFile(places, file, digest);
  return keepManifest(
    ...([places, draft, config] as const),
    layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  );
}

function blobIn(tree: string, digest: string): Promise<string> {
  return inside(tree, `blobs/sha256/${digest.slice('sha256:'.length)}`, `blob ${digest}`);
}

/** A file of the tree by what a document calls it; its links are followed, but never out of the tree. */
async function inside(tree: string, path: string, what = show(path)): Promise<string> {
  const [root, real] = await Promise.all([
    realpath(tree),
    realpath(`${tree}/${path}`).catch((cause: unknown) => {
      throw new CausewayError('invalid', `the archive lacks ${what}`, { cause: messageOf(cause) });
    }),
  ]);
  if (!real.startsWith(`${root}/`))
    throw new CausewayError('invalid', `the archive's ${what} leads out of it`);
  if (!(await stat(real)).isFile()) throw new CausewayError('invalid', `the archive's ${what} is no file`);
  return real;
}
