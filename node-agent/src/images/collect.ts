import { readdir, readFile, rm } from 'node:fs/promises';
import { parseManifest } from '@causeway/shared/model/oci-image';
import { readText } from './blobs.ts';
import { listHeld } from './held.ts';
import type { StorePlaces } from './places.ts';

const HEX = /^[0-9a-f]{64}$/;

/**
 * Removes what no image needs: blobs, layers that are mounted nowhere, drafts. Nobody may take anything into the store
 * meanwhile.
 *
 * @param builtIn the built-in image's layer
 * @param awaited digests of manifests that are to come: what has come of them stays
 * @returns how many blobs and layers went
 */
export async function tidy(
  places: StorePlaces,
  builtIn: string | undefined,
  awaited: Iterable<string>,
): Promise<number> {
  const blobs = new Set<string>();
  const layers = new Set<string>(builtIn === undefined ? [] : [hex(builtIn)]);
  for (const held of await listHeld(places)) {
    for (const blob of [held.digest, ...held.blobs]) blobs.add(hex(blob));
    for (const chain of held.chains) layers.add(hex(chain));
  }
  for (const digest of awaited) for (const blob of await blobsOf(places, digest)) blobs.add(hex(blob));
  for (const layer of await mountedLayers()) layers.add(layer);
  await rm(places.drafts, { recursive: true, force: true });
  await removeOthers(places.partial, blobs);
  return (await removeOthers(places.blobs, blobs)) + (await removeOthers(places.layers, layers));
}

/** Those of an image of which not all is here. */
async function blobsOf(places: StorePlaces, digest: string): Promise<readonly string[]> {
  try {
    const { config, layers } = parseManifest(await readText(places, digest), digest);
    return [digest, config.digest, ...layers.map((layer) => layer.digest)];
  } catch {
    return [digest];
  }
}

/** Whatever in this host's mounts looks like a layer's name. */
async function mountedLayers(): Promise<readonly string[]> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return mounts.match(/\b[0-9a-f]{64}\b/g) ?? [];
}

async function removeOthers(folder: string, kept: ReadonlySet<string>): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const others = names.filter((name) => HEX.test(name) && !kept.has(name));
  for (const name of others) await rm(`${folder}/${name}`, { recursive: true, force: true });
  return others.length;
}

function hex(digest: string): string {
  return digest.slice('sha256:'.length);
}
