import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Piped, startPiped } from '@causeway/shared/programs/start';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { thisProcess } from '../../../test/support/container-pass.ts';
import { beginCommand } from './exec-begin.ts';
import { killTree } from './kill-tree.ts';
import { layoutOf, placeOf } from './places.ts';

/** Stands for runc, which waits for the command. */
let runc: Piped | undefined;
/** That of the command, once runc has noted it. */
let first: number | undefined;
let folder: string;

vi.mock('./kill-tree.ts', () => ({ killTree: vi.fn(async () => undefined) }));
vi.mock('@causeway/shared/programs/start', async (original) => {
  const real = await original<typeof import('@causeway/shared/programs/start')>();
  const started: typeof startPiped = (_command, args) => {
    if (first !== undefined) writeFileSync(args[args.indexOf('--pid-file') + 1] ?? '', `${first}`);
    runc = real.startPiped('sleep', ['1000']);
    return runc;
  };
  return { ...real, startPiped: vi.fn(started) };
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-exec-'));
  [runc, first] = [undefined, undefined];
  vi.mocked(killTree).mockClear();
});
afterEach(() => {
  runc?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

it.each([
  ['the command and all that came of it, once it runs', 4711, [[4711, process.pid]]],
  ['runc, as long as nothing runs', undefined, []],
])('kills what nobody wants any more: %s', async (_, pid, killed) => {
  first = pid;
  const place = placeOf(layoutOf({ stateDir: folder, runDir: folder }), 'web');
  const begun = beginCommand(
    { command: ['sh'], stdin: false },
    { runcRoot: folder, place, init: thisProcess(), user: undefined, signal: AbortSignal.abort('gone') },
  );
  await expect(begun).rejects.toMatchObject({
    code: 'conflict',
    message: 'running a command in container web: gone',
  });
  expect(vi.mocked(killTree).mock.calls).toEqual(killed);
  expect(await runc?.exited).toEqual({ signal: 'SIGKILL' });
});
