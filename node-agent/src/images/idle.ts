/** What nobody needs stays for so long, milliseconds: a name may be about to be given to it. */
const GRACE_MS = 10 * 60 * 1_000;

/** Remembers since when nobody has needed an image. */
export interface Idle {
  /** Those that nobody has needed for a while. @param needed digests */
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
  return { tooLong: (images, needed) => images.filter((digest) => isOld(digest, needed)) };
}
