import { inDraft } from './blobs.ts';
import type { Fetcher } from './fetch.ts';
import type { Gate } from './gate.ts';
import { budgetOf } from './import.ts';
import type { Installed, Installer } from './install.ts';
import type { StorePlaces } from './places.ts';

/** How images come into the store. */
export interface Arrivals {
  /**
   * @param bring puts an image's blobs into the store, and says its manifest's digest
   * @throws CausewayError whatever is wrong with it; nothing of it stays then
   */
  take(bring: (draft: string) => Promise<string>): Promise<Installed>;
  /** Brings an image from another host, once for all who wait for it. @throws CausewayError as the fetcher */
  fetch(name: string, digest: string): Promise<void>;
  /** Digests of those that are on their way. */
  coming(): readonly string[];
}

export interface ArrivalOptions {
  readonly places: StorePlaces;
  readonly fetcher: Fetcher;
  readonly installer: Installer;
  /** Whoever tidies the store is alone in it. */
  readonly gate: Gate;
  /** Of one image, unpacked. */
  readonly maxBytes: number;
  readonly onArrival: (digest: string) => void;
  /** Clears what came of an image that was refused. */
  readonly clear: () => Promise<unknown>;
}

export function createArrivals(options: ArrivalOptions): Arrivals {
  const { places, fetcher, installer, gate, maxBytes, onArrival, clear } = options;
  const coming = new Map<string, Promise<void>>();

  async function install(digest: string): Promise<Installed> {
    const installed = await installer.install(digest, budgetOf(maxBytes));
    onArrival(digest);
    return installed;
  }

  return {
    take: async (bring) => {
      try {
        return await gate.enter(async () => install(await inDraft(places, bring)));
      } catch (error) {
        // What stays is cleared with the next that is refused, or by the collector: why this one was is the news.
        await gate.alone(clear).catch(() => undefined);
        throw error;
      }
    },
    fetch: (name, digest) => {
      const running = coming.get(digest);
      if (running !== undefined) return running;
      const come = gate
        .enter(async () => {
          await fetcher.fetch(name, digest);
          await install(digest);
        })
        .finally(() => coming.delete(digest));
      coming.set(digest, come);
      return come;
    },
    coming: () => [...coming.keys()],
  };
}
