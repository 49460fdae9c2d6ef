import type { Readable } from 'node:stream';

/**
 * Lets `work` read a request's body, perhaps not to its end. What is left is read all the same and thrown away: an answer
 * given in the middle reaches only who is not kept waiting with the rest, on a connection that is still there.
 */
export async function readOn<T>(
  body: Readable,
  work: (chunks: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  try {
    return await work(body.iterator({ destroyOnReturn: false }));
  } finally {
    // The iteration lets go of the stream with the next tick.
    setImmediate(() => body.resume());
  }
}
