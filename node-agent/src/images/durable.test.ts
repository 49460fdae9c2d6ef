import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { file, tarOf } from '../../../test/support/archives.ts';
import { createImageStore } from './store.ts';

/** What the store was seen to hold at each order to write to disk, in their order. */
const { orders, real } = vi.hoisted(() => ({
  orders: [] as object[],
  real: {} as typeof import('./durable.ts'),
}));
vi.mock('./durable.ts', async (original) => {
  Object.assign(real, await original());
  return {
    flushFile: (path: string) => {
      orders.push({ file: basename(path), ...seen() });
      return real.flushFile(path);
    },
    flushDisk: (folder: string) => {
      orders.push({ disk: basename(folder), ...seen() });
      return real.flushDisk(folder);
    },
  };
});

let dir: string;
beforeEach(() => {
  orders.length = 0;
  dir = mkdtempSync(join(tmpdir(), 'causeway-images-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** How many things have their names. */
function seen() {
  const count = (folder: string) => {
    try {
      return readdirSync(`${dir}/${folder}`).length;
    } catch {
      return 0;
    }
  };
  const [blobs, layers, held] = ['blobs/sha256', 'layers', 'held'].map(count);
  return { blobs, layers, held };
}

it('gives nothing its name before it is on the disk: a power cut would leave empty files under names that are trusted', async () => {
  const store = createImageStore({ dir, maxBytes: 1e6 });
  await store.take(Readable.from([await tarOf(file('etc/motd', 'hello'))]));
  expect(orders).toEqual([
    { file: 'carried', blobs: 0, layers: 0, held: 0 },
    { file: 'text', blobs: 1, layers: 0, held: 0 },
    { file: 'text', blobs: 2, layers: 0, held: 0 },
    { disk: expect.stringMatching(/^take-/), blobs: 3, layers: 0, held: 0 },
    { disk: basename(dir), blobs: 3, layers: 1, held: 0 },
    { file: 'held', blobs: 3, layers: 1, held: 1 },
  ]);
});

it('has the built-in image on the disk before its layer has its name', async () => {
  await createImageStore({ dir, maxBytes: 1e6 }).ready(undefined);
  const files = ['busybox', 'passwd', 'group'];
  expect(orders).toEqual(files.map((name) => ({ file: name, blobs: 0, layers: 0, held: 0 })));
});
