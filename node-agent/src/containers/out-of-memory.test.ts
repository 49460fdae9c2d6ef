import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cgroupParent } from './cgroups.ts';
import { hostAbilities } from './host.ts';
import { outOfMemory } from './out-of-memory.ts';
import { layoutOf } from './places.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'causeway-memory-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const layout = layoutOf({ stateDir: '/lib', runDir: '/run' });
function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

it('is told by the cgroups of those that ended badly, of either version', async () => {
  const parent = cgroupParent(layout.records, (await hostAbilities()).inUserNamespace);
  const v1 = (name: string) => `${root}/memory${parent}/${name}/memory.oom_control`;
  const v2 = (name: string) => `${root}${parent}/${name}/memory.events`;
  write(v1('one'), 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n');
  write(v2('two'), 'low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n');
  write(v2('crashed'), 'oom 1\noom_kill 0\n');
  // A child of it was killed, which it got over.
  write(v2('well'), 'oom 1\noom_kill 1\n');
  const exits = new Map([
    ...(['one', 'two', 'gone'] as const).map((name) => [name, 137] as const),
    ...[['crashed', 1] as const, ['well', 0] as const],
  ]);
  expect([...(await outOfMemory(layout, exits, root))]).toEqual(['one', 'two']);
});
