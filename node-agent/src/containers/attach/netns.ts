import { mkdir, writeFile } from 'node:fs/promises';
import { run } from '@causeway/shared/programs/run';
import { NETNS_DIR, type Place } from '../places.ts';
import type { Former } from './seek.ts';

/**
 * Gives a namespace of others a name of ours, by which `ip` finds it.
 *
 * @returns lines of `ip` that do it, to be run with what comes next
 */
export async function nameNetns(
  { name, netns, netnsPath }: Place,
  former: Former,
): Promise<readonly string[]> {
  const { process, target } = former;
  if (process !== undefined) return [`netns attach ${netns} ${process.pid}`];
  await mkdir(NETNS_DIR, { recursive: true });
  await writeFile(netnsPath, '');
  // The path may be a name that goes before the namespace does: this one keeps it until it is detached.
  await run('mount', ['--bind', target.id, netnsPath], { doing: `naming the namespace of ${name}` });
  return [];
}
