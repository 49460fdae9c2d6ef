import { execFileSync } from 'node:child_process';
import { createReadStream, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { file, folder, link, tarOf } from '../../../test/support/archives.ts';
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

it('gives a folder that an archive only goes through the mode that it has below', async () => {
  const into = (name: string, lowers: string[]) => ({
    ...{ into: `${dir}/${name}`, lowers: lowers.map((one) => `${dir}/${one}`), wantsEnd: true },
  });
  await unpackLayer(
    Readable.from([await tarOf(folder('tmp', 0o1777), link('sbin', 'bin'))]),
    into('one', []),
  );
  await unpackLayer(Readable.from([await tarOf(file('tmp/a', ''), file('new/b', ''))]), into('two', ['one']));
  expect(['two/tmp', 'two/new'].map(modeOf)).toEqual(['1777', '755']);
  const through = unpackLayer(
    Readable.from([await tarOf(file('sbin/a', ''))]),
    into('three', ['two', 'one']),
  );
  await expect(through).rejects.toThrow(
    'the archive goes through "sbin", which is no folder in the layers below',
  );
  expect(names('three')).toEqual([]);
});
