import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { CausewayError } from '@causeway/shared/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { file, layoutFiles, packed, tarOf } from '../../../test/support/archives.ts';
import type { ImagePeers } from './fetch.ts';
import { createImageStore, type ImageKeeper } from './store.ts';

let dir: string;
let holder: ImageKeeper;
let here: ImageKeeper;
let digest: string;
let asked: string[];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'causeway-fetch-'));
  holder = createImageStore({ dir: `${dir}/holder` });
  here = createImageStore({ dir: `${dir}/here` });
  const layers = await Promise.all([tarOf(file('big', 'x'.repeat(100_000))), tarOf(file('b', '2'))]);
  digest = (await holder.take(Readable.from([await packed(layoutFiles(layers))]))).digest;
  asked = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const web = () => ({ name: 'web:2', digest });
const connect = (holders: readonly string[], open: ImagePeers['open']) =>
  here.connect({
    holdersOf: async () => holders,
    open: (host, blob, from) => {
      asked.push(`${host} ${from}`);
      return open(host, blob, from);
    },
  });
const partOf = (blob: string) => `${dir}/here/partial/${blob.slice('sha256:'.length)}`;
const giving: ImagePeers['open'] = (_host, blob, from) => holder.openBlob(blob, from);

describe('an image that is not here', () => {
  it('is fetched from a holder, once for all who want it at the same time, and is held then', async () => {
    connect(['host-2'], giving);
    let changes = 0;
    here.onChange(() => {
      changes += 1;
    });
    expect(await here.isHere(web())).toBe(false);
    const images = await Promise.all([here.ready(web()), here.ready({ ...web(), name: 'other' })]);
    expect(images[0]?.lowers.map((layer) => readdirSync(layer))).toEqual([['b'], ['big']]);
    expect(images[1]).toEqual(images[0]);
    // Manifest, configuration, two layers.
    expect(asked).toEqual(['host-2 0', 'host-2 0', 'host-2 0', 'host-2 0']);
    expect([await here.isHere(web()), await here.held(), changes]).toEqual([true, [digest], 1]);
    expect(await here.ready(web())).toEqual(images[0]);
    expect(asked.length).toBe(4);
  });

  it('comes from the next holder where the one before has died', async () => {
    connect(['host-2', 'host-3'], async (host, blob, from) => {
      if (host === 'host-3') return giving(host, blob, from);
      const whole = await holder.openBlob(blob, from);
      return (async function* () {
        for await (const chunk of whole) {
          yield Buffer.from(chunk).subarray(0, 1_000);
          if (chunk.length <= 1_000) continue;
          // What came a moment before the end may be lost with it.
          await vi.waitFor(() => expect(statSync(partOf(blob)).size).toBe(1_000), { timeout: 20_000 });
          throw new Error('host-2 has died');
        }
      })();
    });
    await here.ready(web());
    expect(asked.filter((one) => one !== 'host-2 0')).toEqual(['host-3 1000', 'host-3 0']);
  });

  it('is refused from who gives something else, and taken from the next from the beginning', async () => {
    connect(['host-2', 'host-3'], async (host, blob, from) =>
      host === 'host-3' ? giving(host, blob, from) : Readable.from([Buffer.from('something else')]),
    );
    await here.ready(web());
    expect(asked).toEqual(['host-2 0', ...Array(4).fill('host-3 0')]);
  });

  it('is not there when nobody has it, or nobody gives it', async () => {
    connect([], giving);
    await expect(here.ready(web())).rejects.toThrow(
      `image web:2 (${digest}): no host that is alive has it; import it again`,
    );
    connect(['host-2', 'host-3'], async (host) => {
      throw new CausewayError('unreachable', `asking the agent of ${host}: no way to the host`);
    });
    await expect(here.ready(web())).rejects.toThrow(
      `image web:2 (${digest}): no host that has it could give it: ` +
        'asking the agent of host-2: no way to the host; asking the agent of host-3: no way to the host',
    );
    expect(await here.held()).toEqual([]);
  });

  it('is not taken from who sends without an end', async () => {
    connect(['host-2'], async () =>
      (async function* () {
        for (;;) yield Buffer.alloc(1_000_000);
      })(),
    );
    await expect(here.ready(web())).rejects.toThrow('no host that has it could give it');
  });
});

describe('what nobody needs', () => {
  it('goes after a while, and never before, nor what another image shares', async () => {
    let now = 0;
    const store = createImageStore({ dir: `${dir}/gc`, now: () => now });
    const shared = await tarOf(file('a', '1'));
    const take = async (...layers: Buffer[]) =>
      (await store.take(Readable.from([await packed(layoutFiles(layers))]))).digest;
    const kept = await take(shared);
    const idle = await take(shared, await tarOf(file('b', '2')));
    writeFileSync(`${dir}/gc/blobs/sha256/${'0'.repeat(64)}`, 'left of a fetch that was ended');
    mkdirSync(`${dir}/gc/drafts/take-x`, { recursive: true });
    expect(await store.collect(new Set([kept]))).toBe(1);
    expect(existsSync(`${dir}/gc/drafts`)).toBe(false);
    expect(await store.held()).toEqual([kept, idle].sort());
    now += 11 * 60_000;
    expect(await store.collect(new Set([kept, idle]))).toBe(0);
    expect(await store.collect(new Set([kept]))).toBe(0);
    now += 11 * 60_000;
    // Image, manifest, configuration, layer as carried, layer unpacked.
    expect(await store.collect(new Set([kept]))).toBe(5);
    const image = await store.ready({ name: 'a', digest: kept });
    expect([await store.held(), image.lowers.map((layer) => readdirSync(layer))]).toEqual([[kept], [['a']]]);
  });

  it('stays for as long when it has come once more', async () => {
    let now = 0;
    const store = createImageStore({ dir: `${dir}/gc`, now: () => now });
    const archive = await packed(layoutFiles([await tarOf(file('a', '1'))]));
    const take = () => store.take(Readable.from([archive]));
    await take();
    expect(await store.collect(new Set())).toBe(0);
    now += 11 * 60_000;
    await take();
    expect(await store.collect(new Set())).toBe(0);
    now += 11 * 60_000;
    expect(await store.collect(new Set())).toBe(5);
  });

  it('stays while something is being taken', async () => {
    connect(['host-2'], async (host, blob, from) => {
      expect(await here.collect(new Set())).toBe(0);
      return giving(host, blob, from);
    });
    expect((await here.ready(web())).digest).toBe(digest);
  });
});
