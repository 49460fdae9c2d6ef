import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { parseManifest } from '@causeway/shared/model/oci-image';
import { blobSize, keepFile, readText, weigh, wrongDigest } from './blobs.ts';
import { type Chunks, diskFull, within } from './content.ts';
import { partialPath, type StorePlaces } from './places.ts';

/** Other hosts, as somewhere to get blobs from. */
export interface ImagePeers {
  /** Hosts that hold an image whole by their own word, this one left out; those to ask first first. */
  holdersOf(digest: string): Promise<readonly string[]>;
  /**
   * A blob of a host from a byte on.
   *
   * @throws CausewayError when the host does not answer or does not have it
   */
  open(host: string, blob: string, from: number): Promise<Chunks>;
}

/** A manifest's bytes; other blobs have the size that the manifest says. */
const MOST_MANIFEST = 4 * 1024 * 1024;

export interface Fetcher {
  /**
   * Brings an image's blobs here, each from the first holder that gives it whole; what has come of one is kept when its
   * holder dies, and the next goes on from there.
   *
   * @throws CausewayError `not-found` when nobody has it, or nobody could give it, with each one's reason
   */
  fetch(name: string, digest: string): Promise<void>;
}

export function createFetcher(places: StorePlaces, peers: ImagePeers): Fetcher {
  /** Blobs on their way: images that share one fetch it once. */
  const coming = new Map<string, Promise<void>>();

  function blob(wanted: Wanted, source: Source): Promise<void> {
    const running = coming.get(wanted.digest);
    if (running !== undefined) return running;
    const come = fetchBlob(places, peers, wanted, source).finally(() => coming.delete(wanted.digest));
    coming.set(wanted.digest, come);
    return come;
  }

  return {
    fetch: async (name, digest) => {
      const what = `image ${name} (${digest})`;
      const holders = await peers.holdersOf(digest);
      if (holders.length === 0)
        throw new CausewayError('not-found', `${what}: no host that is alive has it; import it again`);
      await Promise.all([places.partial, places.blobs].map((folder) => mkdir(folder, { recursive: true })));
      const source: Source = { what, holders: [...holders], reasons: new Map() };
      try {
        await blob({ digest, most: MOST_MANIFEST }, source);
        const { config, layers } = parseManifest(await readText(places, digest), `manifest ${digest}`);
        for (const one of [config, ...layers])
          await blob({ digest: one.digest, most: one.size, size: one.size }, source);
      } catch (error) {
        throw diskFull(error, places.dir);
      }
    },
  };
}

interface Wanted {
  readonly digest: string;
  /** Bytes. */
  readonly most: number;
  readonly size?: number;
}

interface Source {
  readonly what: string;
  /** Those who may still have it; who failed goes out. */
  readonly holders: string[];
  readonly reasons: Map<string, string>;
}

async function fetchBlob(
  places: StorePlaces,
  peers: ImagePeers,
  wanted: Wanted,
  source: Source,
): Promise<void> {
  if ((await blobSize(places, wanted.digest)) !== undefined) return;
  for (let host = source.holders[0]; host !== undefined; host = source.holders[0]) {
    try {
      return await fetchFrom(places, peers, wanted, host);
    } catch (error) {
      // A full disk is nobody else's fault.
      const told = diskFull(error, places.dir);
      if (told !== error) throw told;
      source.reasons.set(host, messageOf(error));
      source.holders.shift();
    }
  }
  const reasons = [...source.reasons.values()].join('; ');
  throw new CausewayError('not-found', `${source.what}: no host that has it could give it: ${reasons}`);
}

async function fetchFrom(
  places: StorePlaces,
  peers: ImagePeers,
  { digest, most, size }: Wanted,
  host: string,
): Promise<void> {
  const file = partialPath(places, digest);
  const from = (await stat(file).catch(() => undefined))?.size ?? 0;
  const rest = { left: most - from, limit: most };
  // Whole already, when the agent was ended just before it was moved.
  if (size === undefined || from < size) {
    const stream = await peers.open(host, digest, from);
    await pipeline(within(rest, stream), createWriteStream(file, { flags: 'a' }));
  }
  const found = await weigh(file);
  if (found.digest === digest) return keepFile(places, file, digest);
  // What others gave before may be what is wrong: the next begins anew.
  await rm(file, { force: true });
  throw wrongDigest(`what ${host} gave`, digest, found.digest);
}
