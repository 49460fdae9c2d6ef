import { execFileSync } from 'node:child_process';
import { createReadStream, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  capableFile,
  file,
  folder,
  hardLink,
  link,
  type Part,
  tarOf,
} from '../../../test/support/archives.ts';
import { unpackLayer } from './unpack.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'causeway-unpack-'));
  sh('mkdir one two three');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const sh = (script: string) => execFileSync('sh', ['-ec', script], { cwd: dir, encoding: 'utf8' });
const names = (of: string) => readdirSync(`${dir}/${of}`, { recursive: true }).sort();
const modeOf = (path: string) => (lstatSync(`${dir}/${path}`).mode & 0o7777).toString(8);

it('unpacks what GNU tar has packed: modes, times, links, pipes, long names', async () => {
  sh(`mkdir -p in/a in/open; echo hi > in/a/f; ln in/a/f in/hard; ln -s ../nowhere in/link; mkfifo in/pipe
    chmod 4755 in/a/f; chmod 1777 in/open; head -c 3000000 /dev/zero > in/big; mkdir -p in/${'long/'.repeat(40)}
    touch -h -d @1000000000 in/a/f in/big in/link in/pipe in/open in/a; tar -cf in.tar -C in .`);
  await unpackLayer(createReadStream(`${dir}/in.tar`), { into: `${dir}/one`, lowers: [], wantsEnd: true });
  const list = (of: string) =>
    sh(`cd ${of}; find . ! -path '*long*' ! -path . -printf '%p %y %m %s %T@ %l %n\\n' | sort`);
  expect(list('one')).toBe(list('in'));
  expect(names('one')).toEqual(names('in'));
});

const unpack = async (into: string, lowers: readonly string[], ...parts: Part[]) =>
  unpackLayer(Readable.from([await tarOf(...parts)]), {
    ...{ into: `${dir}/${into}`, lowers: lowers.map((one) => `${dir}/${one}`), wantsEnd: true },
  });

it('gives a folder that an archive only goes through the mode that it has below', async () => {
  await unpack('one', [], folder('tmp', 0o1777), folder('run', 0o1777), file('run/a', ''));
  await unpack('two', ['one'], file('tmp/a', ''), file('new/b', ''), file('run/.wh.nothing', ''));
  expect(names('two')).toEqual(['new', 'new/b', 'tmp', 'tmp/a']);
  expect(['two/tmp', 'two/new'].map(modeOf)).toEqual(['1777', '755']);
});

it('goes where the links of the layers below lead, and where those of its own do', async () => {
  const below = [folder('usr'), folder('usr/bin', 0o750), link('bin', 'usr/bin'), link('usr/lib64', '/lib')];
  await unpack('one', [], ...below, file('usr/bin/old', ''), file('no-folder', ''));
  await unpack('two', ['one'], folder('usr/sub'), link('s', 'bin/../sub'));
  await unpack(
    ...(['three', ['two', 'one']] as const),
    ...[file('bin/new', ''), file('usr/lib64/x', ''), file('s/y', ''), link('t', 's'), file('t/z', '')],
    ...[hardLink('bin/again', 'bin/new'), hardLink('u', 't'), file('u/v', '')],
  );
  expect(names('three')).toEqual(
    [
      ...['lib', 'lib/x', 't', 'u', 'usr', 'usr/bin', 'usr/bin/again', 'usr/bin/new'],
      ...['usr/sub', 'usr/sub/v', 'usr/sub/y', 'usr/sub/z'],
    ].sort(),
  );
  expect(modeOf('three/usr/bin')).toBe('750');
  await expect(unpack('three', ['two', 'one'], file('no-folder/x', ''))).rejects.toThrow(
    '"no-folder/x" goes through "no-folder", which is a file',
  );
});

it('follows no link that the layer has taken away or made a folder of', async () => {
  const links = ['a', 'b', 'c/d'].map((name) => link(name, '/elsewhere'));
  await unpack('one', [], ...links.slice(0, 2), folder('c'), ...links.slice(2));
  const taken = [file('.wh.a', ''), file('a/x', ''), file('c/.wh..wh..opq', ''), file('c/d/x', '')];
  await unpack('two', ['one'], ...taken, folder('b'), file('b/x', ''));
  expect(names('two')).toEqual(['a', 'a/x', 'b', 'b/x', 'c', 'c/d', 'c/d/x']);
});

it('says of which files only root could keep the capabilities', async () => {
  const plain = Buffer.from('0100000280000000000000000000000000000000', 'hex');
  const source = Readable.from([await capableFile(plain, file('d/tool', 'x'))]);
  const { notes } = await unpackLayer(source, { into: `${dir}/one`, lowers: [], wantsEnd: true });
  expect(names('one')).toEqual(['d', 'd/tool']);
  const told = 'the capabilities of "d/tool" were left out: only an agent that is root can give them';
  expect(notes).toEqual(process.geteuid?.() === 0 ? [] : [told]);
});
