import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { emptyHost } from '../../../test/support/container-pass.ts';
import { layoutOf, placeOf } from './places.ts';
import { erase } from './remove.ts';

it('takes the root away that an earlier agent made, and leaves what the container has written', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'causeway-remove-'));
  try {
    const layout = layoutOf({ stateDir: `${dir}/lib`, runDir: `${dir}/run` });
    const place = placeOf(layout, 'web');
    for (const folder of [place.rootfs, place.upper, place.bundle]) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${folder}/file`, '');
    }
    await erase(layout, 'web', emptyHost());
    expect([place.rootfs, place.upper, place.bundle].map((folder) => existsSync(folder))).toEqual([
      false,
      true,
      false,
    ]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
