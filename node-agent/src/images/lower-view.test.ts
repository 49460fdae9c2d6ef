import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lowerView } from './lower-view.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'causeway-lower-'));
  mkdirSync(`${dir}/whole`);
  writeFileSync(`${dir}/whole/f`, '');
  symlinkSync('loop', `${dir}/loop`);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('sees nothing where nothing is', async () => {
  const view = lowerView([`${dir}/whole`, `${dir}/whole/f`, `${dir}/none`]);
  expect([await view.seen('g'), await view.seen('f/x'), await view.names('g')]).toEqual([
    undefined,
    undefined,
    [],
  ]);
  expect((await view.seen('f'))?.stats.isFile()).toBe(true);
});

it('does not take what it cannot read for absent', async () => {
  const view = lowerView([`${dir}/loop`, `${dir}/whole`]);
  const fault = expect.stringContaining('looking for "f" in the layers below: ELOOP');
  await expect(view.seen('f')).rejects.toMatchObject({ code: 'unreadable', message: fault });
  await expect(view.names('f')).rejects.toMatchObject({ code: 'unreadable' });
});
