import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import type { ContainerWorld } from './containers-world.ts';

const ROOT = '/sys/fs/cgroup';
/** Of cgroup v1, and of the v2 beside it. */
const TREES = 'cpu memory cpuset cpuacct devices freezer blkio pids systemd unified'.split(' ');

/** Whether a test may make cgroups on this machine: it is root, and finds any. */
export function mayLendCgroups(): boolean {
  return process.getuid?.() === 0 && trees().length > 0;
}

/**
 * Gives a world cgroups that it may write, a folder in each of the machine's trees.
 *
 * @returns takes them back; nothing may be in them
 */
export async function lendCgroups(world: ContainerWorld): Promise<() => void> {
  const folder = `causeway-test-${process.pid}`;
  const owned = trees();
  for (const tree of owned) mkdirSync(`${tree}/${folder}`);
  // A folder of this tree has neither processors nor memory until it is told of some.
  if (owned.includes(`${ROOT}/cpuset`))
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      await world.sh(`cd ${ROOT}/cpuset && mount -o remount,bind,rw . && cat ${file} > ${folder}/${file}`);
  for (const tree of owned)
    await world.sh(`mount --bind ${tree}/${folder} ${tree}; mount -o remount,bind,rw ${tree}`);
  return () => {
    for (const tree of owned) rmdirSync(`${tree}/${folder}`);
  };
}

function trees(): readonly string[] {
  if (existsSync(`${ROOT}/cgroup.controllers`)) return [ROOT];
  return TREES.map((tree) => `${ROOT}/${tree}`).filter((tree) => existsSync(tree));
}
