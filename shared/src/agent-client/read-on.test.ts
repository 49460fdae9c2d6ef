import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { readOn } from './read-on.ts';

/** More than a stream keeps for its reader. */
const LARGE = Buffer.alloc(1024 * 1024);

const REFUSALS: readonly (readonly [string, (chunks: AsyncIterable<Buffer>) => Promise<never>])[] = [
  ['before anything was read', () => Promise.reject(new Error('refused'))],
  [
    'after a part',
    async (chunks) => {
      for await (const _ of chunks) throw new Error('refused');
      throw new Error('empty');
    },
  ],
  [
    'while a part is waited for',
    async (chunks) => {
      const reader = chunks[Symbol.asyncIterator]();
      await reader.next();
      reader.next();
      throw new Error('refused');
    },
  ],
  [
    'while whoever reads it has no need of more yet',
    async (chunks) => {
      await chunks[Symbol.asyncIterator]().next();
      throw new Error('refused');
    },
  ],
];

it.each(REFUSALS)('reads the rest of what is refused %s', async (_, refuse) => {
  const body = new PassThrough();
  body.write('first');
  await expect(readOn(body, refuse)).rejects.toThrow('refused');
  const ended = once(body, 'end');
  body.write(LARGE);
  body.end(LARGE);
  await ended;
});
