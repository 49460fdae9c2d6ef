import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, vi } from 'vitest';
import { identify, isLeaving, killFamily } from './processes.ts';

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

it('kills all of a family before it waits for the death of any: an agent that is killed then leaves none stopped', async () => {
  const parent = spawn('sh', ['-c', 'sleep 1000 & echo $!; wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(parent.stdout, 'data');
  const family = [parent.pid ?? 0, Number(String(line))];
  const [id] = family.map(identify);
  if (id === undefined) throw new Error('the parent has ended');
  const sent = vi.spyOn(process, 'kill');
  const dead = killFamily(id);
  const killed = sent.mock.calls.filter(([, signal]) => signal === 'SIGKILL').map(([pid]) => pid);
  sent.mockRestore();
  await dead;
  expect([...new Set(killed)]).toEqual(family);
  expect(family.map(identify)).toEqual([undefined, undefined]);
});
