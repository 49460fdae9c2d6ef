import { createHash } from 'node:crypto';
import { access, constants, readdir, rmdir } from 'node:fs/promises';
import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';

const CGROUPS = '/sys/fs/cgroup';
/** What limits are made of; with cgroup v2 they are all in one tree. */
const LIMITING = ['cpu', 'memory'];

/** The folder of cgroups that a host's containers are in. */
export function cgroupParent(stateDir: string, inUserNamespace: boolean): string {
  // Several hosts of a lab may see the same trees.
  const which = createHash('sha1').update(stateDir).digest('hex').slice(0, 10);
  return inUserNamespace ? `/causeway-${which}` : '/causeway';
}

/**
 * The container's cgroup. In a user namespace, where most may not make one, it has one only if it is to be limited.
 *
 * @returns undefined: it needs none
 * @throws CausewayError `degraded` when it is to be limited, and this agent may not write to the cgroups
 */
export async function cgroupFor(
  { name, cpus, memoryBytes }: ContainerSpec,
  parent: string,
  inUserNamespace: boolean,
): Promise<string | undefined> {
  const limited = cpus !== undefined || memoryBytes !== undefined;
  if (!limited && inUserNamespace) return undefined;
  const fault = limited ? await limitFault() : undefined;
  if (fault === undefined) return `${parent}/${name}`;
  const what = [cpus === undefined ? [] : 'cpus', memoryBytes === undefined ? [] : 'memory'].flat();
  throw new CausewayError(
    'degraded',
    `container ${name} cannot be limited (${what.join(' and ')}): this agent may not make cgroups: ${fault}`,
  );
}

async function limitFault(): Promise<string | undefined> {
  const v2 = await canWrite(`${CGROUPS}/cgroup.subtree_control`);
  if (v2 === undefined) return undefined;
  for (const controller of LIMITING) {
    const fault = await canWrite(`${CGROUPS}/${controller}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** @returns why not */
async function canWrite(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? `${path}: ${error.code}` : String(error);
  }
}

/** A container's cgroups that runc has forgotten. cgroup v2 has one tree, v1 one for each controller. */
export async function removeCgroup(parent: string, name: string, root = CGROUPS): Promise<void> {
  for (const tree of await treesIn(root)) await rmdir(`${tree}${parent}/${name}`).catch(() => undefined);
}

/** The cgroups of all containers; only empty folders can be removed at all. */
export async function removeCgroups(parent: string, root = CGROUPS): Promise<void> {
  for (const tree of await treesIn(root)) {
    const ours = `${tree}${parent}`;
    const left = await readdir(ours, { withFileTypes: true }).catch(() => []);
    for (const folder of left.filter((one) => one.isDirectory()))
      await rmdir(`${ours}/${folder.name}`).catch(() => undefined);
    await rmdir(ours).catch(() => undefined);
  }
}

async function treesIn(root: string): Promise<readonly string[]> {
  return [root, ...(await readdir(root).catch(() => [])).map((tree) => `${root}/${tree}`)];
}
