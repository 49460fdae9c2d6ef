import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Installed } from '../../node-agent/src/images/install.ts';
import {
  capableFile,
  file,
  folder,
  joined,
  layerNames,
  layoutFiles,
  link,
  packed,
  tarOf,
} from '../support/archives.ts';
import { useBundle } from '../support/bundle.ts';
import { type Netns, openNetns } from '../support/netns.ts';
import type { ImageCall, ImageScript } from './images-driver.ts';

/** A host's images in a user and mount namespace of their own, where layers can be mounted and disks be full. */
const driver = useBundle(new URL('images-driver.ts', import.meta.url));
let net: Netns;
let dir: string;

beforeEach(async () => {
  net = await openNetns();
  dir = mkdtempSync(join(tmpdir(), 'causeway-images-'));
});
afterEach(async () => {
  // What a user namespace has made is not always its user's to remove outside of it.
  await net.sh(`chmod -R u+rwX ${dir} || :`);
  await net.close();
  rmSync(dir, { recursive: true, force: true });
});

async function calls<T extends unknown[]>(...script: ImageCall[]): Promise<T> {
  const input = JSON.stringify({ dir: `${dir}/images`, calls: script } satisfies ImageScript);
  return JSON.parse((await net.exec('node', [driver.path], { input })).stdout);
}

const sh = async (script: string) => (await net.sh(script)).stdout;
const save = (name: string, content: Buffer) => {
  writeFileSync(`${dir}/${name}`, content);
  return `${dir}/${name}`;
};

async function take(...layers: Buffer[]): Promise<Installed> {
  const [taken] = await calls<[Installed]>({ take: save('archive', await packed(layoutFiles(layers))) });
  return taken;
}

/** Mounts an image as a container's root. @returns where */
async function mounted({ digest }: Installed): Promise<string> {
  const [lowers] = await calls<[string[]]>({ lowersOf: digest });
  await sh(`mkdir -p ${dir}/upper ${dir}/work ${dir}/root
    mount -t overlay -o userxattr,lowerdir=${lowers.join(':')},upperdir=${dir}/upper,workdir=${dir}/work none ${dir}/root`);
  return `${dir}/root`;
}

describe('the layers of an image', () => {
  it('are seen as one root, without what an upper one takes away', async () => {
    const below = await tarOf(
      ...[folder('etc'), file('etc/a', '1'), file('etc/b', '1'), file('gone', '1'), link('sbin', 'bin')],
      ...[
        folder('tmp', 0o1777),
        folder('data'),
        file('data/old', '1'),
        folder('data/sub'),
        file('data/sub/x', '1'),
      ],
      ...[
        folder('again'),
        file('again/old', '1'),
        file('turned', '1'),
        folder('kept', 0o700),
        file('kept/x', '1'),
      ],
    );
    const above = await tarOf(
      ...[file('.wh.gone', ''), file('etc/.wh.a', ''), file('etc/b', '2'), file('tmp/new', '')],
      ...[file('data/.wh..wh..opq', ''), file('data/new', ''), folder('data/sub'), file('data/sub/y', '')],
      ...[file('.wh.again', ''), folder('again'), file('again/new', ''), file('.wh.nothing', '')],
      ...[folder('turned/'), file('turned/x', ''), file('kept/y', ''), file('.wh..wh.plnk', '')],
    );
    // The same name as another kind of thing is two layers' matter, and fine there.
    const root = await mounted(await take(below, above));
    expect(await sh(`cd ${root}; find . -mindepth 1 -printf '%P %y\\n' | sort`)).toBe(
      [
        ...[
          'again d',
          'again/new f',
          'data d',
          'data/new f',
          'data/sub d',
          'data/sub/y f',
          'etc d',
          'etc/b f',
        ],
        ...['kept d', 'kept/x f', 'kept/y f', 'sbin l', 'tmp d', 'tmp/new f', 'turned d', 'turned/x f', ''],
      ].join('\n'),
    );
    expect(await sh(`cd ${root}; cat etc/b; stat -c ' %a' tmp kept`)).toBe('2 1777\n 700\n');
    await sh(`echo 3 > ${root}/etc/b; rm ${root}/sbin`);
    expect(await sh(`cat ${dir}/images/layers/*/etc/b; ls -d ${dir}/images/layers/*/sbin | wc -l`)).toMatch(
      /^[12]{2}1\n$/,
    );
  });

  it('are on the disk once, however many images have them', async () => {
    const big = await tarOf(file('big', 'x'.repeat(3_000_000)));
    const used = async () => Number((await sh(`du -sk ${dir}/images`)).split('\t')[0]);
    await take(big, await tarOf(file('a', '1')));
    const one = await used();
    await take(big, await tarOf(file('b', '1')));
    expect((await used()) - one).toBeLessThan(100);
    expect(await sh(`ls ${dir}/images/layers | wc -l`)).toBe('3\n');
  });

  it('stay while they are mounted, whoever needs them', async () => {
    const layer = await tarOf(file('a', '1'));
    const image = await take(layer);
    await mounted(image);
    await sh(`rm ${dir}/images/held/*`);
    await calls({ collect: [] });
    const [name] = layerNames([layer]);
    expect(
      await sh(`ls ${dir}/images/layers ${dir}/images/blobs/sha256 | grep -c . || :; cat ${dir}/root/a`),
    ).toContain('1');
    expect(await sh(`ls ${dir}/images/layers`)).toContain(name);
    await sh(`umount ${dir}/root`);
    await calls({ collect: [] });
    expect(await sh(`ls ${dir}/images/layers`)).not.toContain(name);
  });

  it('take things away behind the links of those below, and leave folders as they are', async () => {
    const below = await tarOf(
      ...[folder('usr'), folder('usr/bin', 0o711), file('usr/bin/a', ''), file('usr/bin/b', '')],
      ...[link('bin', 'usr/bin'), folder('data', 0o1777), file('data/old', '')],
    );
    const above = await tarOf(file('bin/.wh.a', ''), file('data/.wh..wh..opq', ''));
    const root = await mounted(await take(below, above));
    expect(await sh(`cd ${root}; ls bin; ls data; stat -c %a usr/bin data; readlink bin`)).toBe(
      'b\n711\n1777\nusr/bin\n',
    );
  });

  it('keep capabilities of files, whichever bytes they have', async () => {
    // cap_setuid (7) and cap_setfcap (31) are bytes that are no text; a newline and "=" are two more.
    const plain = Buffer.from('01000002800000800a3d0000000000000000000 0'.replace(' ', ''), 'hex');
    const ofAnother = Buffer.concat([plain, Buffer.from([0xe8, 3, 0, 0])]);
    ofAnother[3] = 3;
    const image = await take(
      joined(
        await capableFile(plain, file('d/tool', 'x'.repeat(700))),
        await tarOf(file('none', 'y')),
        await capableFile(ofAnother, file(`${'long/'.repeat(30)}tool`, 'x')),
        await capableFile(Buffer.from('odd'), file('odd', '')),
      ),
    );
    expect(image.notes).toEqual([
      'the capabilities of "odd" were left out: they are of a form that is not known here',
    ]);
    const root = await mounted(image);
    const attributes = await sh(
      `cd ${root}; tar --xattrs --xattrs-include='*' -cf - . | od -An -v -tx1 | tr -d ' \\n'`,
    );
    const key = Buffer.from('SCHILY.xattr.security.capability=').toString('hex');
    const kept = attributes
      .split(key)
      .slice(1)
      .map((rest) => rest.slice(0, 42));
    expect(kept).toEqual(Array(2).fill(`${plain.toString('hex')}0a`));
  });

  it('belong to whom the archive says, as far as there is such a user here', async () => {
    const parts = [{ ...file('a', ''), uid: 1_000, gid: 1_000 }, file('b', '', 0o6755)];
    const root = await mounted(await take(await tarOf(...parts)));
    // One user is all that this namespace has.
    expect(await sh(`stat -c '%u:%g %a' ${root}/a ${root}/b`)).toBe('0:0 644\n0:0 6755\n');
  });
});

describe('a disk that is full', () => {
  it.each(['while the archive comes', 'while it is unpacked'])(
    '%s leaves nothing half done',
    async (when) => {
      const size = when === 'while it is unpacked' ? 4_000 : 1_500;
      await sh(`mkdir ${dir}/images; mount -t tmpfs -o size=${size}k tmpfs ${dir}/images`);
      const small = await take(await tarOf(file('a', '1')));
      const before = await sh(`cd ${dir}/images; find . -type f | sort`);
      const [error] = await calls<[{ error: string }]>({
        take: save('big', await tarOf(file('big', 'x'.repeat(2_500_000)))),
      });
      expect(error).toEqual({ error: `storing the image: no space is left on the disk of ${dir}/images` });
      expect(await sh(`cd ${dir}/images; find . -type f | sort`)).toBe(before);
      expect(await calls({ lowersOf: small.digest })).toEqual([[expect.stringContaining('/layers/')]]);
    },
  );
});
