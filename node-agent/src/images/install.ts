import { mkdir, rename, stat } from 'node:fs/promises';
import { CausewayError } from '@causeway/shared/errors';
import {
  chainIds,
  type ImageDocument,
  parseImageDocument,
  parseManifest,
} from '@causeway/shared/model/oci-image';
import { blobSize, inDraft, readText, wrongDigest } from './blobs.ts';
import { type Budget, createMeter, unpacked, within } from './content.ts';
import { flushDisk } from './durable.ts';
import { type HeldImage, heldImage, writeHeld } from './held.ts';
import { blobPath, layerPath, type StorePlaces } from './places.ts';
import { hostArchitecture } from './platform.ts';
import { unpackLayer } from './unpack.ts';

export interface Installed extends HeldImage {
  /** What was left out, a sentence each. */
  readonly notes: readonly string[];
}

export interface Installer {
  /**
   * Unpacks an image whose blobs are all in the store, checks them by its configuration, and then it is here.
   *
   * @param digest of its manifest
   * @throws CausewayError `invalid` naming what is wrong with it, `exhausted`; nothing but whole layers stays
   */
  install(digest: string, budget: Budget): Promise<Installed>;
}

export function createInstaller(places: StorePlaces): Installer {
  /** Layers on their way, by chain: images that share one unpack it once. */
  const unpacking = new Map<string, Promise<readonly string[]>>();

  function layer(step: LayerStep, budget: Budget): Promise<readonly string[]> {
    const { chain } = step;
    const running = unpacking.get(chain);
    if (running !== undefined) return running;
    const made = makeLayer(places, step, budget).finally(() => unpacking.delete(chain));
    unpacking.set(chain, made);
    return made;
  }

  return {
    install: async (digest, budget) => {
      const manifest = parseManifest(await readText(places, digest), `manifest ${digest}`);
      const config = manifest.config.digest;
      const document = parseImageDocument(await readText(places, config), `configuration ${config}`);
      const blobs = manifest.layers.map((one) => one.digest);
      checkCount(document, blobs.length);
      const notes = platformNotes(document);
      let size = (await blobSize(places, digest)) ?? 0;
      for (const blob of [config, ...blobs]) size += await sizeOf(places, blob);
      const chains = chainIds(document.rootfs.diff_ids);
      for (const [at, chain] of chains.entries()) {
        const step = { chain, blob: blobs[at] ?? '', diffId: document.rootfs.diff_ids[at] ?? '' };
        notes.push(...(await layer({ ...step, below: chains.slice(0, at) }, budget)));
      }
      const held = heldImage(digest, size, [...new Set([config, ...blobs])], document);
      await flushDisk(places.dir);
      await writeHeld(places, held);
      return { ...held, notes };
    },
  };
}

interface LayerStep {
  readonly chain: string;
  /** As it is carried. */
  readonly blob: string;
  /** Of what is in it. */
  readonly diffId: string;
  /** Chains, the lowest first. */
  readonly below: readonly string[];
}

async function makeLayer(
  places: StorePlaces,
  { chain, blob, diffId, below }: LayerStep,
  budget: Budget,
): Promise<readonly string[]> {
  const folder = layerPath(places, chain);
  if ((await stat(folder).catch(() => undefined))?.isDirectory()) return [];
  return inDraft(places, async (draft) => {
    const into = `${draft}/layer`;
    await mkdir(into, { mode: 0o755 });
    const what = `layer ${blob}`;
    const meter = createMeter();
    const source = meter.pass(within(budget, unpacked(blobPath(places, blob), what)));
    const lowers = below.map((one) => layerPath(places, one)).reverse();
    const { notes } = await unpackLayer(source, { into, lowers, wantsEnd: false });
    if (meter.digest() !== diffId) throw wrongDigest(`what ${what} holds`, diffId, meter.digest());
    await mkdir(places.layers, { recursive: true });
    // Nobody looks into a layer again that has its name.
    await flushDisk(draft);
    await rename(into, folder);
    return notes;
  });
}

async function sizeOf(places: StorePlaces, blob: string): Promise<number> {
  const size = await blobSize(places, blob);
  if (size === undefined) throw new CausewayError('invalid', `the image's blob ${blob} is missing`);
  return size;
}

/** Names longer than overlayfs' options could hold otherwise. */
const MOST_LAYERS = 60;

function checkCount({ rootfs: { diff_ids } }: ImageDocument, layers: number): void {
  if (diff_ids.length !== layers)
    throw new CausewayError(
      'invalid',
      `the image's manifest has ${layers} layers, its configuration ${diff_ids.length}`,
    );
  if (layers === 0 || layers > MOST_LAYERS)
    throw new CausewayError('invalid', `the image has ${layers} layers: 1 to ${MOST_LAYERS} can be mounted`);
}

function platformNotes({ os = 'linux', architecture }: ImageDocument): string[] {
  const here = hostArchitecture();
  if (os !== 'linux') throw new CausewayError('invalid', `the image is for ${os}, not for linux`);
  if (architecture === undefined || architecture === here) return [];
  return [`the image is for ${architecture}, and this host is ${here}`];
}
