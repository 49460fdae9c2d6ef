import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@causeway/shared/programs/run';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ImageStore } from './image.ts';
import { createImageStore } from './store.ts';

let dir: string;
let store: ImageStore;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'causeway-images-'));
  store = createImageStore({ dir, maxBytes: 1e9 });
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

describe('the built-in image', () => {
  it('is a layer with the host’s busybox, whatever the umask, under the same digest each time', async () => {
    const before = process.umask(0o077);
    const image = await store.ready(undefined).finally(() => process.umask(before));
    expect(image).toMatchObject({ digest: expect.stringMatching(/^sha256:/), config: { cmd: ['sh'] } });
    const [layer = ''] = image.lowers;
    const said = await run(`${layer}/bin/busybox`, ['echo', 'hello']);
    expect(said.stdout).toBe('hello\n');
    expect(readdirSync(`${layer}/sbin`)).toContain('httpd');
    const mode = (path: string) => (statSync(`${layer}/${path}`).mode & 0o7777).toString(8);
    expect(['.', 'bin/sh', 'etc/passwd', 'tmp'].map(mode)).toEqual(['755', '755', '644', '1777']);
    expect(await createImageStore({ dir, maxBytes: 1e9 }).ready({ name: 'busybox' })).toEqual(image);
    expect(readdirSync(`${dir}/drafts`)).toEqual([]);
  });

  it('is made once by calls at the same time', async () => {
    const stores = [
      store,
      createImageStore({ dir, maxBytes: 1e9 }),
      createImageStore({ dir, maxBytes: 1e9 }),
    ];
    const images = await Promise.all(stores.map((one) => one.ready(undefined)));
    expect(new Set(images.map(({ digest }) => digest)).size).toBe(1);
    expect([readdirSync(`${dir}/layers`).length, readdirSync(`${dir}/drafts`)]).toEqual([1, []]);
  });

  it('needs a static busybox, and says where it was looked for', async () => {
    vi.stubEnv('CAUSEWAY_BUSYBOX', '/bin/sh');
    await expect(store.ready(undefined)).rejects.toThrow(
      'making the busybox image: no static busybox at /bin/sh (Debian: busybox-static)',
    );
  });
});

it('does not take a name without a digest for the built-in image', async () => {
  await expect(store.ready({ name: 'web' })).rejects.toThrow('image web: no digest says which one it is');
});
