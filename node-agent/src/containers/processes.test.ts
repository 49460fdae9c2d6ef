import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { isLeaving } from './processes.ts';

it('is told of a process that has no namespaces any more, and of no other', async () => {
  // Its child ends, and is never asked how.
  const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 1000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = await once(parent.stdout, 'data');
    const child = Number(String(line));
    await expect.poll(() => isLeaving(child)).toBe(true);
    expect(isLeaving(parent.pid ?? 0)).toBe(false);
    expect(isLeaving(process.pid)).toBe(false);
  } finally {
    parent.kill('SIGKILL');
  }
});
