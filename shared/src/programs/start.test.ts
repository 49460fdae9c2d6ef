import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { start, startPiped } from './start.ts';

const node = process.execPath;

it('hands over what a program prints, line by line, and how it ended', async () => {
  const lines: string[] = [];
  const program = start(node, ['-e', 'console.log("a\\nb"); console.error("c"); process.exitCode = 3'], {
    onLine: (line, stream) => lines.push(`${stream} ${line}`),
  });
  expect(await program.exited).toEqual({ exitCode: 3 });
  await vi.waitFor(() => expect(lines.toSorted()).toEqual(['stderr c', 'stdout a', 'stdout b']), {
    timeout: 20_000,
  });
});

it('ends a program by a signal, and says which', async () => {
  const program = start('sleep', ['1000'], { dieWithParent: true });
  expect(program.kill('SIGKILL')).toBe(true);
  expect(await program.exited).toEqual({ signal: 'SIGKILL' });
  expect(program.kill()).toBe(false);
});

it('runs programs in the C locale', async () => {
  const lines: string[] = [];
  const program = start('printenv', ['LC_ALL'], { onLine: (line) => lines.push(line) });
  await program.exited;
  await vi.waitFor(() => expect(lines).toEqual(['C']), { timeout: 20_000 });
});

it('keeps what a program has printed until somebody reads it, also after its end', async () => {
  const program = startPiped('sh', ['-c', 'echo out; echo err >&2; exit 3']);
  // Node has buried it, and has thrown away what it would.
  while (existsSync(`/proc/${program.pid}`)) await sleep(5);
  await vi.waitFor(
    () => expect([program.stdout.readableLength, program.stderr.readableLength]).toEqual([4, 4]),
    {
      timeout: 20_000,
    },
  );
  expect([await text(program.stdout), await text(program.stderr)]).toEqual(['out\n', 'err\n']);
  expect(await program.exited).toEqual({ exitCode: 3 });
});

it.each([
  ['/nowhere/program', 'SECRET=1'],
  ['true', 'S'.repeat(200 * 1024)],
])('says that %s cannot be started, and repeats none of its arguments', (program, argument) => {
  const message = `starting "${program}": there is no such program, or it was given too much to begin with`;
  for (const begin of [start, startPiped])
    expect(() => begin(program, [argument])).toThrow(expect.objectContaining({ code: 'not-found', message }));
});
