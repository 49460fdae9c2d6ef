/** Remembers of a stream what is between two places of it, and forgets what is before. */
export interface Stretch {
  /** What comes next in the stream. */
  push(chunk: Buffer): void;
  /** Nothing before this place is asked for again. */
  forget(before: number): void;
  /** @param from bytes from the beginning of the stream, not forgotten @param to not included */
  between(from: number, to: number): Buffer;
}

export function createStretch(): Stretch {
  let chunks: { readonly at: number; readonly bytes: Buffer }[] = [];
  let end = 0;
  let first = 0;
  return {
    push: (bytes) => {
      if (end + bytes.length > first) chunks.push({ at: end, bytes });
      end += bytes.length;
    },
    forget: (before) => {
      first = Math.max(first, before);
      chunks = chunks.filter(({ at, bytes }) => at + bytes.length > first);
    },
    between: (from, to) =>
      Buffer.concat(
        chunks.map(({ at, bytes }) => bytes.subarray(Math.max(0, from - at), Math.max(0, to - at))),
      ),
  };
}
