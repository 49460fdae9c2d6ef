import { expect, it } from 'vitest';
import { run } from './run.ts';

it('tells of one that came to no end, or does not exist, whatever its exit codes may be', async () => {
  const okCodes = Array.from({ length: 257 }, (_, i) => i - 1);
  await expect(run('sleep', ['1000'], { okCodes, timeoutMs: 50 })).rejects.toMatchObject({ code: 'timeout' });
  await expect(run('/nowhere/program', [], { okCodes })).rejects.toMatchObject({ code: 'not-found' });
});
