import {
  chmod,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CausewayError, invalid } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { run } from '@causeway/shared/programs/run';
import { start } from '@causeway/shared/programs/start';
import type { HostAbilities } from './host.ts';
import type { IdMap } from './oci.ts';
import type { Place } from './places.ts';

/**
 * Users and groups of all containers with a user namespace of their own: nobody else has these numbers (systemd's
 * UIDS-GIDS leaves them to nobody), and a program of a container that gets out of it is nobody there.
 */
const MAP: IdMap = { first: 1_900_000_000, count: 65_536 };
/** Set-user-ID, set-group-ID and sticky, and the permissions. */
const MODE_BITS = 0o7777;
/** For a program to begin, milliseconds. */
const LOOK_MS = 2;
const MOST_LOOKS = 15_000;

/** @throws CausewayError `degraded` when this agent has too few numbers to give any away; `invalid` */
export function idMapFor(
  { name, userNamespace, network }: ContainerSpec,
  { users }: HostAbilities,
): IdMap | undefined {
  if (userNamespace !== true) return undefined;
  if (network?.kind === 'container')
    throw invalid('userNamespace', true, `cannot be with the network of container ${network.container}`);
  if (users >= MAP.first + MAP.count) return MAP;
  throw new CausewayError(
    'degraded',
    `container ${name} cannot have a user namespace of its own: this host's agent is in one itself, with ` +
      `${users} user ${users === 1 ? 'number' : 'numbers'}`,
  );
}

/** Others may go through a folder. */
const PASSABLE = 0o001;

/**
 * A program whose users are nobody on the host has to reach its root file system like anybody else.
 *
 * @throws CausewayError `degraded`, naming the uppermost folder that does not let others through
 */
export async function checkPassable({ name, root }: Place): Promise<void> {
  const parts = root.split('/').filter(Boolean);
  const folders = parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
  for (const folder of folders)
    if (((await stat(folder)).mode & PASSABLE) === 0)
      throw new CausewayError(
        'degraded',
        `container ${name} cannot have a user namespace of its own: its users, nobody on this host, must go through ` +
          `${folder}, which is closed to others (chmod o+x ${folder}, or another --state-dir)`,
      );
}

/**
 * The layers with all files given to the map's users, each made once for all containers that have it.
 *
 * @param folder where they are kept, by the layers' own names
 */
export async function mappedLayers(
  lowers: readonly string[],
  { first }: IdMap,
  folder: string,
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const mapped: string[] = [];
  for (const lower of lowers) {
    const at = join(folder, basename(lower));
    if ((await lstat(at).catch(() => undefined)) === undefined) await mapLayer(lower, at, first);
    mapped.push(at);
  }
  return mapped;
}

/** Made beside and renamed, so that it is whole or not there. */
async function mapLayer(lower: string, at: string, first: number): Promise<void> {
  const draft = await mkdtemp(`${at}-draft-`);
  try {
    await run('cp', ['-a', '--reflink=auto', `${lower}/.`, draft], {
      doing: `mapping layer ${basename(lower)}`,
    });
    await giveAway(lower, draft, first);
    await rename(draft, at);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another start may have been faster.
    if ((await lstat(at).catch(() => undefined)) === undefined) throw error;
  }
}

/** The original says whose it was: a file with two names is met twice. */
async function giveAway(original: string, copy: string, first: number): Promise<void> {
  const stats = await lstat(original);
  await lchown(copy, stats.uid + first, stats.gid + first);
  // The kernel takes set-user-ID away from whatever gets another owner.
  if (!stats.isSymbolicLink()) await chmod(copy, stats.mode & MODE_BITS);
  if (!stats.isDirectory()) return;
  for (const name of await readdir(original)) await giveAway(join(original, name), join(copy, name), first);
}

/** Namespaces that are there before the container, since its network is made before it. */
export interface MadeNamespaces {
  /** Path of the user namespace; good until `done`. */
  readonly user: string;
  /** The container is in it. */
  done(): void;
}

/**
 * A user namespace, and the named network namespace that belongs to it: its root may do there what the root of a network
 * may, and only what belongs to it can be entered by a command that is run in the container later.
 */
export async function makeMappedNetns({ name, netns }: Place, map: IdMap): Promise<MadeNamespaces> {
  const holder = start('unshare', ['--user', '--net', 'sleep', 'infinity'], { dieWithParent: true });
  const own = (kind: string) => readlink(`/proc/${holder.pid}/ns/${kind}`).catch(() => undefined);
  try {
    const [user, net] = await Promise.all(['user', 'net'].map((kind) => readlink(`/proc/self/ns/${kind}`)));
    for (let looks = 0; (await own('user')) === user || (await own('net')) === net; looks++) {
      if (looks >= MOST_LOOKS || (await own('user')) === undefined)
        throw new CausewayError(
          'command-failed',
          `making a user namespace for container ${name}: it was refused`,
        );
      await delay(LOOK_MS);
    }
    for (const file of ['uid_map', 'gid_map'])
      await writeFile(`/proc/${holder.pid}/${file}`, `0 ${map.first} ${map.count}`);
    const doing = `naming the namespace of ${name}`;
    await run('ip', ['netns', 'attach', netns, String(holder.pid)], { doing });
  } catch (error) {
    holder.kill('SIGKILL');
    throw error;
  }
  return { user: `/proc/${holder.pid}/ns/user`, done: () => void holder.kill('SIGKILL') };
}
