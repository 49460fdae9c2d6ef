import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { sha256 } from '@causeway/shared/model/oci-image';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  dockerFiles,
  file,
  folder,
  hardLink,
  layoutFiles,
  link,
  type Part,
  packed,
  tarOf,
} from '../../../test/support/archives.ts';
import { createImageStore, type ImageKeeper } from './store.ts';

const LIMIT = 4_000_000;
let dir: string;
let store: ImageKeeper;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'causeway-images-'));
  mkdirSync(`${dir}/outside`);
  writeFileSync(`${dir}/outside/file`, 'untouched');
  store = createImageStore({ dir: `${dir}/images`, maxBytes: LIMIT });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const take = (archive: Buffer) => store.take(Readable.from([archive]));
const sh = (script: string) => execFileSync('sh', ['-ec', script], { cwd: dir, encoding: 'utf8' });
/** Everything but what makes the store a store. */
const traces = () =>
  sh(`find . -mindepth 1 -printf '%p %y %s %l\\n' | sort; cat outside/file`)
    .split('\n')
    .filter((line) => !/^\.\/images(\/(blobs(\/sha256)?|layers|drafts|held|partial))? d/.test(line));

async function lowersOf(archive: Buffer): Promise<readonly string[]> {
  const { digest } = await take(archive);
  return (await store.ready({ name: 'web', digest })).lowers;
}

describe('an archive', () => {
  it('of a root file system is an image of one layer, the same one each time', async () => {
    const tar = await tarOf(
      folder('./'),
      folder('./bin'),
      file('./bin/sh', 'x', 0o4755),
      link('a', '/etc/b'),
    );
    const first = await take(tar);
    expect(await take(tar)).toEqual(first);
    const image = await store.ready({ name: 'web', digest: first.digest });
    expect(image.config).toMatchObject({ entrypoint: [], cmd: ['/bin/sh'] });
    const [layer = ''] = image.lowers;
    expect(readlinkSync(`${layer}/a`)).toBe('/etc/b');
    expect(lstatSync(`${layer}/bin/sh`).mode & 0o7777).toBe(0o4755);
    expect(lstatSync(`${layer}/bin/sh`).mtimeMs).toBe(1_000_000_000_000);
    expect(await store.held()).toEqual([first.digest]);
    expect(readdirSync(`${dir}/images/drafts`)).toEqual([]);
  });

  it.each(['gzip', 'zstd', 'cat'])('may be packed with %s', async (packer) => {
    writeFileSync(`${dir}/plain`, await tarOf(file('etc/x', 'hello')));
    const [layer] = await lowersOf(execFileSync(packer, { input: readFileSync(`${dir}/plain`) }));
    expect(readFileSync(`${layer}/etc/x`, 'utf8')).toBe('hello');
  });

  it('of a layout or of docker save brings its configuration and its layers, which images share', async () => {
    const below = await tarOf(file('a', '1'), file('b', '1'));
    const above = await tarOf(file('b', '2'));
    const config = {
      Entrypoint: ['/b'],
      Env: ['A=1'],
      User: 'www',
      WorkingDir: '/srv',
      StopSignal: 'SIGINT',
    };
    const one = await take(await packed(layoutFiles([below, above], { config, packed: true })));
    const two = await take(await packed(dockerFiles([below], { Cmd: ['x'] })));
    const images = await Promise.all([one, two].map(({ digest }) => store.ready({ name: 'w', digest })));
    expect(images[0]?.config).toEqual({
      ...{ entrypoint: ['/b'], cmd: [], env: ['A=1'], user: 'www', workdir: '/srv', stopSignal: 'SIGINT' },
    });
    expect(images[0]?.lowers.map((layer) => readdirSync(layer))).toEqual([['b'], ['a', 'b']]);
    expect(images[1]?.lowers).toEqual([images[0]?.lowers[1]]);
    expect(readdirSync(`${dir}/images/layers`).length).toBe(2);
  });

  it('keeps names of any bytes', async () => {
    sh(
      `mkdir in; cd in; touch "$(printf 'a\\377\\nb')" 'é ü' -- --help; mkdir -p ${'long/'.repeat(50)}; tar cf ../in.tar .`,
    );
    const [layer = ''] = await lowersOf(readFileSync(`${dir}/in.tar`));
    const names = (of: string) => readdirSync(of, { encoding: 'latin1', recursive: true }).sort();
    expect(names(layer)).toEqual(names(`${dir}/in`));
  });

  it('keeps hard links within it, and leaves devices out, with a word', async () => {
    const device: Part = { name: 'dev/sda', type: 'block-device', devmajor: 8 };
    const { digest, notes } = await take(await tarOf(file('a', 'x'), hardLink('b', './a'), device));
    const [layer = ''] = (await store.ready({ name: 'w', digest })).lowers;
    expect([lstatSync(`${layer}/b`).ino, existsSync(`${layer}/dev`)]).toEqual([
      lstatSync(`${layer}/a`).ino,
      false,
    ]);
    expect(notes).toEqual(['device "dev/sda" was left out: containers have their own /dev']);
  });
});

describe('an archive that would reach out of the store', () => {
  const inside = { name: 'ok', text: 'x' };
  it.each<[string, readonly Part[], string]>([
    ['an absolute path', [file('/tmp/x', '')], 'the archive\'s entry "/tmp/x" is absolute'],
    ['a path upwards', [file('a/../../outside/file', 'evil')], '"a/../../outside/file" has a ".." part'],
    [
      'a folder in the place of a link',
      [link('out', '../../../outside'), folder('out')],
      '"out" is there twice, once as a folder and once not',
    ],
    [
      'a hard link upwards',
      [hardLink('x', '../../../outside/file')],
      '"x" is a hard link to a path that has a ".." part',
    ],
    [
      'an absolute hard link',
      [hardLink('x', '/etc/passwd')],
      '"x" is a hard link to a path that is absolute',
    ],
    [
      'a hard link through a link',
      [link('out', '/etc'), hardLink('x', 'out/passwd')],
      '"x" is a hard link to "out/passwd", which is not before it',
    ],
    ['a hard link to itself', [file('x', ''), hardLink('x', 'x')], '"x" is a hard link to itself'],
    [
      'a hard link to a folder',
      [folder('d'), hardLink('x', 'd')],
      '"x" is a hard link to "d", which is a folder',
    ],
    [
      'a file where a folder is needed',
      [file('a', ''), file('a/b', '')],
      '"a/b" goes through "a", which is a file',
    ],
    [
      'a file behind a link where a folder is needed',
      [file('a', ''), link('b', 'a'), file('b/c', '')],
      '"b/c" goes through "a", which is a file',
    ],
    [
      'links in a circle',
      [link('a', 'b/x'), link('b', 'a'), file('a/c', '')],
      '"a/c" goes through too many links',
    ],
    [
      'a link to a path that is too long',
      [link('a', `b/${'b/'.repeat(2_010)}`), file('a/c', '')],
      '"a/c" leads to a path that is longer than a file name can be',
    ],
    [
      'a whiteout of what is above',
      [file('a/.wh...', '')],
      '"a/.wh..." takes away nothing that could be there',
    ],
    ['a part that is too long', [file('a'.repeat(300), '')], 'is longer than a file name can be'],
    ['a path that is too long', [file('a/'.repeat(2_100), '')], 'is longer than a file name can be'],
    ['a sparse file', [{ name: 'x', pax: { 'GNU.sparse.major': '1' } }], '"x" is a sparse file'],
  ])('by %s is refused whole', async (_, parts, sentence) => {
    const before = traces();
    await expect(take(await tarOf(inside, ...parts))).rejects.toThrow(sentence);
    const layers = [await tarOf(inside), await tarOf(...parts)];
    await expect(take(await packed(layoutFiles(layers)))).rejects.toThrow(sentence);
    expect(traces()).toEqual(before);
  });

  it('by a link alone may have it: links lead wherever they lead in a container', async () => {
    const [layer] = await lowersOf(
      await tarOf(link('out', '../../../outside'), file('x', '1'), file('x', '2')),
    );
    expect(readlinkSync(`${layer}/out`)).toBe('../../../outside');
    expect(readFileSync(`${layer}/x`, 'utf8')).toBe('2');
    expect(readFileSync(`${dir}/outside/file`, 'utf8')).toBe('untouched');
  });

  it.each([
    ['upwards', '../../../outside'],
    ['from the root', '/outside'],
    ['by and by', 'up/down/../../outside'],
  ])('by a path through a link %s has its own place in the image', async (_, target) => {
    const parts = [folder('up/down'), link('out', target), file('out/file', 'evil'), file('out/sub/x', '')];
    const [whole] = await lowersOf(await tarOf(...parts));
    const layers = [await tarOf(...parts.slice(0, 2)), await tarOf(...parts.slice(2))];
    const [above, below] = await lowersOf(await packed(layoutFiles(layers)));
    for (const layer of [whole, above]) expect(readFileSync(`${layer}/outside/file`, 'utf8')).toBe('evil');
    expect([readlinkSync(`${whole}/out`), readlinkSync(`${below}/out`)]).toEqual([target, target]);
    expect([existsSync(`${above}/out`), existsSync(`${above}/outside/sub/x`)]).toEqual([false, true]);
    expect(sh('find outside -type f; cat outside/file')).toBe('outside/file\nuntouched');
  });

  it('by a document is refused', async () => {
    const layer = await tarOf(inside);
    const files = new Map(dockerFiles([layer]));
    const manifest = [{ Config: '../../outside/file', Layers: [] }];
    files.set('manifest.json', Buffer.from(JSON.stringify(manifest)));
    const before = traces();
    await expect(take(await packed(files))).rejects.toThrow(
      /the archive (lacks|'s) "\.\.\/\.\.\/outside\/file"/,
    );
    const linked = await tarOf(
      { name: 'manifest.json', text: JSON.stringify([{ Config: 'c', Layers: [] }]) },
      link('c', '../../../../outside/file'),
    );
    await expect(take(linked)).rejects.toThrow('the archive\'s "c" leads out of it');
    expect(traces()).toEqual(before);
  });
});

describe('an archive that is broken', () => {
  const layer = () => tarOf(file('a', 'x'.repeat(2_000)), file('b', 'y'));
  it.each<[string, () => Promise<Buffer>, string]>([
    ['that is empty', async () => Buffer.alloc(0), 'the archive is empty'],
    ['of zeros', async () => Buffer.alloc(4_096), 'the archive has nothing in it, or is no tar'],
    [
      'of something else',
      async () => Buffer.from('hello\n'.repeat(1_000)),
      'no whole tar: it has a header that is none',
    ],
    [
      'that was cut off in a file',
      async () => (await layer()).subarray(0, 1_500),
      'the archive is no whole tar',
    ],
    ['that was cut off between files', async () => (await layer()).subarray(0, 2_560), 'its end is missing'],
    [
      'of which the packing was cut off',
      async () => gzipSync(await layer()).subarray(0, 90),
      'is not whole gzip',
    ],
    ['packed with xz', async () => Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]), 'is packed with xz'],
    [
      'with too much in it',
      async () => gzipSync(Buffer.alloc(LIMIT + 512)),
      `more than ${LIMIT} bytes unpacked`,
    ],
    ['that is too long', async () => Buffer.alloc(LIMIT + 1), `more than ${LIMIT} bytes unpacked`],
  ])('%s is refused, and nothing stays', async (_, archive, sentence) => {
    const before = traces();
    await expect(take(await archive())).rejects.toThrow(sentence);
    expect(traces()).toEqual(before);
  });

  it('with another digest than its documents say is refused, and nothing stays', async () => {
    const tar = await layer();
    const before = traces();
    const name = `blobs/sha256/${sha256(tar).slice(7)}`;
    const changed = Buffer.from(tar);
    changed.writeUInt8(changed.readUInt8(1_000) + 1, 1_000);
    const with_ = async (instead: Record<string, Buffer | string | undefined>) =>
      take(await packed(layoutFiles([tar], { instead })));
    await expect(with_({ [name]: changed })).rejects.toThrow(
      `blob ${sha256(tar)} should have digest ${sha256(tar)}, and has ${sha256(changed)}`,
    );
    await expect(with_({ [name]: undefined })).rejects.toThrow(`the archive lacks blob ${sha256(tar)}`);
    await expect(with_({ 'index.json': '{"manifests":[]}' })).rejects.toThrow('index.json: manifests:');
    await expect(with_({ 'index.json': '{}' })).rejects.toThrow('index.json: manifests is missing');
    await expect(with_({ 'index.json': 'nonsense' })).rejects.toThrow('index.json is not JSON');
    const docker = new Map(dockerFiles([tar]));
    const told = { rootfs: { type: 'layers', diff_ids: [sha256(changed)] } };
    docker.set('config.json', Buffer.from(JSON.stringify(told)));
    await expect(take(await packed(docker))).rejects.toThrow(`should have digest ${sha256(changed)}`);
    expect(traces()).toEqual(before);
  });
});
