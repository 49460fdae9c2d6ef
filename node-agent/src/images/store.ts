import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { CausewayError } from '@causeway/shared/errors';
import type { ImageRef } from '@causeway/shared/model/container';
import { BUILT_IN_IMAGE } from '@causeway/shared/model/image';
import { type Arrivals, createArrivals } from './arrivals.ts';
import { blobSize } from './blobs.ts';
import { builtInDigest, builtInImage } from './busybox.ts';
import { tidy } from './collect.ts';
import type { Chunks } from './content.ts';
import { createFetcher, type ImagePeers } from './fetch.ts';
import { createGate, type Gate } from './gate.ts';
import { listHeld, readHeld, readyImage, removeHeld } from './held.ts';
import { createIdle, type Idle } from './idle.ts';
import type { ImageStore } from './image.ts';
import { importArchive } from './import.ts';
import { createInstaller, type Installed } from './install.ts';
import { importLayout } from './layout.ts';
import { blobPath, type StorePlaces, storePlaces } from './places.ts';
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

export function createImageStore(options: ImageStoreOptions): ImageKeeper {
  const { dir, maxBytes = DEFAULT_MAX_BYTES, now = () => performance.now() } = options;
  const places = storePlaces(dir);
  const listeners = new Set<() => void>();
  let peers: ImagePeers = { holdersOf: async () => [], open: async () => Readable.from([]) };
  const fetcher = createFetcher(places, {
    holdersOf: (digest) => peers.holdersOf(digest),
    open: (...asked) => peers.open(...asked),
  });
  const gate = createGate();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  let needed: ReadonlySet<string> = new Set();
  const clear = async () => tidy(places, await builtInDigest(), [...needed, ...arrivals.coming()]);
  const idle = createIdle(now);
  const arrivals = createArrivals({
    ...{ places, fetcher, gate, maxBytes, clear },
    installer: createInstaller(places),
    onArrival: (digest) => {
      idle.arrived(digest);
      changed();
    },
  });
  const collector = createCollector({ places, gate, clear, onRemoval: changed, idle });

  return {
    ...access(places, arrivals),
    connect: (others) => {
      peers = others;
    },
    take: (archive) => arrivals.take((draft) => importArchive(places, draft, archive, maxBytes)),
    pull: (request) =>
      arrivals.take(async (draft) => {
        await pullInto(`${draft}/layout`, request);
        return importLayout(places, `${draft}/layout`);
      }),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    collect: (digests) => {
      needed = digests;
      return collector(digests);
    },
  };
}

/** What is read of a store. */
function access(
  places: StorePlaces,
  arrivals: Arrivals,
): Pick<ImageKeeper, 'ready' | 'isHere' | 'openBlob' | 'held'> {
  const builtIn = builtInImage(places);
  return {
    ready: async (ref) => {
      const digest = digestIn(ref);
      if (ref === undefined || digest === undefined) return builtIn();
      const held = await readHeld(places, digest);
      if (held !== undefined) return readyImage(places, held);
      await arrivals.fetch(ref.name, digest);
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
    openBlob: async (digest, from) => {
      const size = await blobSize(places, digest);
      if (size === undefined) throw new CausewayError('not-found', `this host has no blob ${digest}`);
      return from >= size ? Readable.from([]) : createReadStream(blobPath(places, digest), { start: from });
    },
    held: async () => (await listHeld(places)).map(({ digest }) => digest),
  };
}

interface CollectorOptions {
  readonly places: StorePlaces;
  readonly gate: Gate;
  readonly idle: Idle;
  /** @returns how many blobs and layers went */
  readonly clear: () => Promise<number>;
  readonly onRemoval: () => void;
}

function createCollector({ places, gate, idle, clear, onRemoval }: CollectorOptions): ImageKeeper['collect'] {
  return async (needed) => {
    const gone = await gate.alone(async () => {
      const images = (await listHeld(places)).map(({ digest }) => digest);
      const old = idle.tooLong(images, needed);
      for (const digest of old) await removeHeld(places, digest);
      return [old.length, await clear()] as const;
    });
    if (gone === undefined) return 0;
    if (gone[0] > 0) onRemoval();
    return gone[0] + gone[1];
  };
}

/** @returns undefined for the built-in image */
function digestIn(ref: ImageRef | undefined): string | undefined {
  if (ref === undefined || ref.digest !== undefined) return ref?.digest;
  if (ref.name === BUILT_IN_IMAGE) return undefined;
  throw new CausewayError('invalid', `image ${ref.name}: no digest says which one it is`);
}
