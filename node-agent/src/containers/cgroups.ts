import { createHash } from 'node:crypto';
import { access, constants, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';

/** Where a host's control groups are. */
export const CGROUPS = '/sys/fs/cgroup';
/** What limits are made of; with cgroup v2 they are all in one tree. */
const LIMITING = ['cpu', 'memory'] as const;

/** The folder of cgroups that a host's containers are in. */
export function cgroupParent(stateDir: string, inUserNamespace: boolean): string {
  // Several hosts of a lab may see the same trees.
  const which = createHash('sha1').update(stateDir).digest('hex').slice(0, 10);
  return inUserNamespace ? `/causeway-${which}` : '/causeway';
}

/** A container's control group. */
export interface Cgroup {
  /** Below the root of every tree. */
  readonly path: string;
  /** The kernel can limit swap: memory that is limited alone would only go to the disk. */
  readonly limitsSwap: boolean;
}

/**
 * The container's cgroup. In a user namespace, where most may not make one, it has one only if it is to be limited.
 *
 * @returns undefined: it needs none
 * @throws CausewayError `degraded` when it is to be limited, and this agent may not write to the cgroups, or the kernel has
 * none that limit
 */
export async function cgroupFor(
  { name, cpus, memoryBytes }: ContainerSpec,
  parent: string,
  inUserNamespace: boolean,
  root = CGROUPS,
): Promise<Cgroup | undefined> {
  const asked = LIMITING.filter((one) => (one === 'cpu' ? cpus : memoryBytes) !== undefined);
  if (asked.length === 0 && inUserNamespace) return undefined;
  const refusal = (fault: string) => {
    const what = asked.map((one) => (one === 'cpu' ? 'cpus' : one));
    const text = `container ${name} cannot be limited (${what.join(' and ')}): ${fault}`;
    return new CausewayError('degraded', text);
  };
  const fault = asked.length > 0 ? await limitFault(asked, root) : undefined;
  if (fault !== undefined) throw refusal(fault);
  const path = `${parent}/${name}`;
  if (memoryBytes === undefined) return { path, limitsSwap: false };
  try {
    return { path, limitsSwap: await limitsSwap(parent, root) };
  } catch (error) {
    throw refusal(`this agent may not make cgroups: ${messageOf(error)}`);
  }
}

/** @param asked those that are needed: the kernel may be without the others */
async function limitFault(asked: readonly string[], root: string): Promise<string | undefined> {
  const controllers = await controllersOf(root);
  const files =
    controllers === undefined
      ? asked.map((controller) => `${root}/${controller}`)
      : [`${root}/cgroup.subtree_control`];
  for (const file of files) {
    const fault = await canWrite(file);
    if (fault !== undefined) return `this agent may not make cgroups: ${fault}`;
  }
  const lacking = asked.filter((controller) => controllers?.includes(controller) === false);
  return lacking.length === 0 ? undefined : `this host's cgroups have no ${lacking.join(' and no ')}`;
}

/** Of cgroup v2. @returns undefined: this host has v1, alone or beside it */
async function controllersOf(root: string): Promise<readonly string[] | undefined> {
  const file = await readFile(`${root}/cgroup.controllers`, 'utf8').catch(() => undefined);
  return file?.trim().split(' ');
}

async function limitsSwap(parent: string, root: string): Promise<boolean> {
  if ((await controllersOf(root)) === undefined) return exists(`${root}/memory/memory.memsw.limit_in_bytes`);
  // The root of v2 has no limits. A group below it shows which there are; the runtime would make this one itself.
  await mkdir(`${root}${parent}`, { recursive: true });
  await writeFile(`${root}/cgroup.subtree_control`, '+memory');
  return exists(`${root}${parent}/memory.swap.max`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
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
