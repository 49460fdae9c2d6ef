import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { CausewayError } from '@causeway/shared/errors';
import type { ImageRef } from '@causeway/shared/model/container';
import { BUILT_IN_IMAGE } from '@causeway/shared/model/image';
import { blobSize, inDraft } from './blobs.ts';
import { builtInDigest, builtInImage } from './busybox.ts';
import { tidy } from './collect.ts';
import type { Chunks } from './content.ts';
import { createFetcher, type ImagePeers } from './fetch.ts';
import { createGate } from './gate.ts';
import { listHeld, readHeld, readyImage, removeHeld } from './held.ts';
import type { ImageStore } from './image.ts';
import { budgetOf, importArchive } from './import.ts';
import { createInstaller, type Installed } from './install.ts';
import { importLayout } from './layout.ts';
import { blobPath, storePlaces } from './places.ts';
import { type PullRequest, pullInto } from './pull.ts';

export interface ImageStoreOptions {
  /** `<state-dir>/images` */
  readonly dir: string;
  /** Of one image, unpacked. Default 16 GiB. */
  readonly maxBytes?: number;
  /** Milliseconds, on a clock that never goes back. */
  readonly now?: () => number;
}

/** What the host does with its images beside running containers of them. */
export interface ImageKeeper extends ImageStore {
  /** Where images come from that are not here; until it is called there is nobody to ask. */
  connect(peers: ImagePeers): void;
  /** Takes an archive. @throws CausewayError `invalid` naming what is wrong with it, `exhausted`; nothing of it stays then */
  take(archive: Chunks): Promise<Installed>;
  /** Takes an image of a registry. @throws CausewayError as `take`, and as `pullInto` */
  pull(request: PullRequest): Promise<Installed>;
  /** @param from a byte of it @throws CausewayError `not-found` */
  openBlob(digest: string, from: number): Promise<Readable>;
  /** Digests of the images that are here whole, sorted. */
  held(): Promise<readonly string[]>;
  /** @returns stops it */
  onChange(listener: () => void): () => void;
  /**
   * Removes images that nobody has needed for a while, and whatever belongs to none; nothing while others are being taken.
   *
   * @param needed digests of all that have a name or a container, wherever
   * @returns how many images, blobs and layers went
   */
  collect(needed: ReadonlySet<string>): Promise<number>;
}

export const DEFAULT_MAX_BYTES = 16 * 1024 ** 3;
/** What nobody needs stays for so long, milliseconds: a name may be about to be given to it. */
const GRACE_MS = 10 * 60 * 1_000;

export function createImageStore(options: ImageStoreOptions): ImageKeeper {
  const { dir, maxBytes = DEFAULT_MAX_BYTES, now = () => performance.now() } = options;
  const places = storePlaces(dir);
  const builtIn = builtInImage(places);
  const installer = createInstaller(places);
  const gate = createGate();
  const listeners = new Set<() => void>();
  /** Images on their way from other hosts, by digest. */
  const coming = new Map<string, Promise<void>>();
  /** Since when nobody has needed them. */
  const idle = new Map<string, number>();
  let awaited: ReadonlySet<string> = new Set();
  let peers: ImagePeers = { holdersOf: async () => [], open: async () => Readable.from([]) };
  const fetcher = createFetcher(places, {
    holdersOf: (digest) => peers.holdersOf(digest),
    open: (...asked) => peers.open(...asked),
  });

  const changed = () => {
    for (const listener of listeners) listener();
  };
  const clear = async () => tidy(places, await builtInDigest(), [...awaited, ...coming.keys()]);

  /** @param bring puts an image's blobs into the store, and says its manifest's digest */
  async function take(bring: (draft: string) => Promise<string>): Promise<Installed> {
    try {
      return await gate.enter(async () => {
        const digest = await inDraft(places, bring);
        const installed = await installer.install(digest, budgetOf(maxBytes));
        changed();
        return installed;
      });
    } catch (error) {
      await gate.alone(clear);
      throw error;
    }
  }

  function fetch(name: string, digest: string): Promise<void> {
    const running = coming.get(digest);
    if (running !== undefined) return running;
    const come = gate
      .enter(async () => {
        await fetcher.fetch(name, digest);
        await installer.install(digest, budgetOf(maxBytes));
        changed();
      })
      .finally(() => coming.delete(digest));
    coming.set(digest, come);
    return come;
  }

  return {
    ready: async (ref) => {
      const digest = digestIn(ref);
      if (ref === undefined || digest === undefined) return builtIn();
      const held = await readHeld(places, digest);
      if (held !== undefined) return readyImage(places, held);
      await fetch(ref.name, digest);
      const fetched = await readHeld(places, digest);
      if (fetched !== undefined) return readyImage(places, fetched);
      throw new CausewayError(
        'not-found',
        `image ${ref.name} (${digest}) was removed as soon as it had come`,
      );
    },
    isHere: async (ref) => {
      const digest = digestIn(ref);
      return digest === undefined || (await readHeld(places, digest)) !== undefined;
    },
    connect: (others) => {
      peers = others;
    },
    take: (archive) => take((draft) => importArchive(places, draft, archive, maxBytes)),
    pull: (request) =>
      take(async (draft) => {
        await pullInto(`${draft}/layout`, request);
        return importLayout(places, `${draft}/layout`);
      }),
    openBlob: async (digest, from) => {
      const size = await blobSize(places, digest);
      if (size === undefined) throw new CausewayError('not-found', `this host has no blob ${digest}`);
      return from >= size ? Readable.from([]) : createReadStream(blobPath(places, digest), { start: from });
    },
    held: async () => (await listHeld(places)).map(({ digest }) => digest),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    collect: async (needed) => {
      awaited = needed;
      const gone = await gate.alone(async () => {
        const images = await listHeld(places);
        const old = images.filter(({ digest }) => isOld(idle, digest, needed, now()));
        for (const { digest } of old) await removeHeld(places, digest);
        return [old.length, await clear()] as const;
      });
      if (gone === undefined) return 0;
      if (gone[0] > 0) changed();
      return gone[0] + gone[1];
    },
  };
}

function isOld(idle: Map<string, number>, digest: string, needed: ReadonlySet<string>, now: number): boolean {
  if (needed.has(digest)) {
    idle.delete(digest);
    return false;
  }
  const since = idle.get(digest) ?? now;
  idle.set(digest, since);
  return now - since >= GRACE_MS;
}

/** @returns undefined for the built-in image */
function digestIn(ref: ImageRef | undefined): string | undefined {
  if (ref === undefined || ref.digest !== undefined) return ref?.digest;
  if (ref.name === BUILT_IN_IMAGE) return undefined;
  throw new CausewayError('invalid', `image ${ref.name}: no digest says which one it is`);
}
