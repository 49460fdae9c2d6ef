import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { restoreSysctls } from './sysctl.ts';

it('says which setting could not be put back, and keeps its record for another try', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'causeway-sysctl-'));
  const file = join(directory, 'sysctls.json');
  // Nobody may write this one.
  writeFileSync(file, JSON.stringify({ 'kernel/ostype': { before: 'x', set: 'Linux' } }));
  await expect(restoreSysctls(file)).rejects.toThrow(/^setting back kernel\/ostype to x: /);
  expect(existsSync(file)).toBe(true);
  rmSync(directory, { recursive: true });
});
