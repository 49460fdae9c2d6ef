import { expect, it } from 'vitest';
import { launch } from './launch.ts';

const options = { doing: 'starting a monitor', reportTo: 'SAY_IT_ON', timeoutMs: 60_000 };
const shell = (script: string, more: Partial<typeof options> = {}) =>
  launch('sh', ['-c', script], { ...options, ...more });

it('hands over the first line that a program says on its descriptor, and lets it live on', async () => {
  const pid = Number(await shell('eval "echo $$ >&$SAY_IT_ON; exec sleep 1000"'));
  expect(process.kill(pid, 'SIGKILL')).toBe(true);
});

it('tells what a program complained of that ended without a word', async () => {
  await expect(shell('echo no such folder >&2; exit 1')).rejects.toMatchObject({
    code: 'command-failed',
    message: expect.stringMatching(/^starting a monitor: `sh -c .*`: no such folder$/),
  });
});

it('waits for the line no longer than it is told to', async () => {
  await expect(shell('exec sleep 5', { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'timeout',
    message: expect.stringMatching(/: no word within 50 ms$/),
  });
});

it('refuses a program that does not exist', async () => {
  await expect(launch('/nowhere/program', [], options)).rejects.toMatchObject({ code: 'not-found' });
});
