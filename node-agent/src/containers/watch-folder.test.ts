import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { watchFolder } from './watch-folder.ts';

it('tells of what changes in a folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-watch-'));
  const onChange = vi.fn();
  const stop = watchFolder(folder, onChange);
  try {
    writeFileSync(join(folder, 'web'), '0');
    await vi.waitFor(() => expect(onChange).toHaveBeenCalled(), { timeout: 20_000 });
  } finally {
    stop();
    rmSync(folder, { recursive: true });
  }
});

it('is no reason to fail where nothing can be watched', () => {
  expect(() => watchFolder('/nowhere/at/all', () => undefined)()).not.toThrow();
});
