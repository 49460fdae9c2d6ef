import { digestOf } from '@causeway/shared/model/oci-image';

/** Every file and folder of the store, below `<state-dir>/images`. */
export interface StorePlaces {
  readonly dir: string;
  /** Content as it is carried, by its SHA-256. */
  readonly blobs: string;
  /** Unpacked layers, by the SHA-256 of their chain. */
  readonly layers: string;
  /** One file per image that is here whole, by the manifest's SHA-256. */
  readonly held: string;
  /** What is under way; nobody misses it. */
  readonly drafts: string;
  /** Blobs of which a part has come. */
  readonly partial: string;
}

export function storePlaces(dir: string): StorePlaces {
  return {
    dir,
    blobs: `${dir}/blobs/sha256`,
    layers: `${dir}/layers`,
    held: `${dir}/held`,
    drafts: `${dir}/drafts`,
    partial: `${dir}/partial`,
  };
}

/** @param digest checked */
export function blobPath(places: StorePlaces, digest: string): string {
  return `${places.blobs}/${hexOf(digest)}`;
}

export function partialPath(places: StorePlaces, digest: string): string {
  return `${places.partial}/${hexOf(digest)}`;
}

export function layerPath(places: StorePlaces, chain: string): string {
  return `${places.layers}/${hexOf(chain)}`;
}

export function heldPath(places: StorePlaces, digest: string): string {
  return `${places.held}/${hexOf(digest)}.json`;
}

/** @throws CausewayError `invalid`: nothing else ever becomes a file's name */
function hexOf(digest: string): string {
  return digestOf(digest).slice('sha256:'.length);
}
