import type { Readable } from 'node:stream';

/**
 * Lets `work` read a request's body, perhaps not to its end. What is left is read all the same and thrown away: an answer
 * given in the middle reaches only who is not kept waiting with the rest, on a connection that is still there.
 */
export async function readOn<T>(
  body: Readable,
  work: (chunks: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const chunks = body.iterator({ destroyOnReturn: false });
  try {
    return await work(chunks);
  } finally {
    // Whoever waits for a chunk yet gets it first; the iteration lets go of the stream with the next tick.
    const ended = chunks.return?.() ?? Promise.resolve();
    ended.catch(() => undefined).then(() => setImmediate(() => body.resume()));
  }
}
