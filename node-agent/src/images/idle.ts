/** What nobody needs stays for so long, milliseconds: a name may be about to be given to it. */
const GRACE_MS = 10 * 60 * 1_000;

/** Remembers since when nobody has needed an image. */
export interface Idle {
  /** An image has come, perhaps once more: whoever brought it is about to need it. */
  arrived(digest: string): void;
  /** Those that nobody has needed for a while, which are forgotten with that. @param needed digests */
  tooLong(images: readonly string[], needed: ReadonlySet<string>): readonly string[];
}

/** @param now milliseconds, on a clock that never goes back */
export function createIdle(now: () => number): Idle {
  const since = new Map<string, number>();
  const isOld = (digest: string, needed: ReadonlySet<string>): boolean => {
    if (needed.has(digest)) {
      since.delete(digest);
      return false;
    }
    const first = since.get(digest) ?? now();
    since.set(digest, first);
    return now() - first >= GRACE_MS;
  };
  return {
    arrived: (digest) => since.delete(digest),
    tooLong: (images, needed) => {
      const old = images.filter((digest) => isOld(digest, needed));
      for (const digest of old) since.delete(digest);
      return old;
    },
  };
}
