import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';

it('finds a program as soon as somebody installs it, and no longer than it is there', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'causeway-run-'));
  vi.stubEnv('PATH', directory);
  vi.resetModules();
  const { isInstalled } = await import('./environment.ts');
  expect(isInstalled('new-program')).toBe(false);
  writeFileSync(join(directory, 'new-program'), '', { mode: 0o755 });
  expect(isInstalled('new-program')).toBe(true);
  rmSync(directory, { recursive: true });
  expect(isInstalled('new-program')).toBe(false);
  vi.unstubAllEnvs();
});
