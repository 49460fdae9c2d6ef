import { readFile } from 'node:fs/promises';
import { CGROUPS, cgroupParent } from './cgroups.ts';
import { hostAbilities } from './host.ts';
import type { Layout } from './places.ts';

/**
 * Those of the ended containers of which the kernel has killed a program for want of memory, their own or the host's: their
 * cgroups tell, until what is left of them is taken away.
 *
 * @param exits exit codes by name
 */
export async function outOfMemory(
  { records }: Layout,
  exits: ReadonlyMap<string, number>,
  root = CGROUPS,
): Promise<ReadonlySet<string>> {
  const failed = [...exits].flatMap(([name, code]) => (code === 0 ? [] : [name]));
  if (failed.length === 0) return new Set();
  const parent = cgroupParent(records, (await hostAbilities()).inUserNamespace);
  const killed = await Promise.all(
    failed.map(async (name) => ((await killsIn(`${parent}/${name}`, root)) > 0 ? [name] : [])),
  );
  return new Set(killed.flat());
}

async function killsIn(group: string, root: string): Promise<number> {
  // Of version 2, and of version 1.
  for (const file of [`${root}${group}/memory.events`, `${root}/memory${group}/memory.oom_control`]) {
    const told = await readFile(file, 'utf8').catch(() => '');
    const kills = /^oom_kill (\d+)$/m.exec(told)?.[1];
    if (kills !== undefined) return Number(kills);
  }
  return 0;
}
