import { readFile, readlink, stat, statfs } from 'node:fs/promises';
import { CausewayError, invalid } from '@causeway/shared/errors';
import type { AttachTarget } from '@causeway/shared/model/container';
import { identify, isAlive, netnsOfProcess, type ProcessId } from '../processes.ts';
import { containerdTask } from './containerd.ts';
import { dockerTask, type Task } from './docker.ts';

/** Where engines of others tell of their containers. */
export interface Engines {
  /** `/var/run/docker.sock` */
  readonly dockerSocket: string;
  /** `/run/containerd` */
  readonly containerdDir: string;
}

/** Where they are without a word of the user. */
export const DEFAULT_ENGINES: Engines = {
  dockerSocket: '/var/run/docker.sock',
  containerdDir: '/run/containerd',
};

/** A namespace of somebody else that is there at this moment. */
export interface Found {
  /** Inode of its network namespace. */
  readonly netns: number;
  /** Absent with `netns:PATH`. */
  readonly process?: ProcessId;
}

/** What was attached before. */
export interface Former extends Found {
  readonly target: AttachTarget;
}

/** statfs's type of a namespace's file. */
const NSFS_MAGIC = 0x6e736673;

/**
 * Finds a container of others. What was found before and lives is not asked for again: an engine may be away while its
 * containers run.
 *
 * @returns undefined when it does not run, or runs no more
 * @throws CausewayError `not-found` when nobody knows of it, `invalid` when the target means nothing, `unreachable` when
 *   its engine does not answer
 */
export async function seek(
  target: AttachTarget,
  former: Former | undefined,
  engines: Engines,
): Promise<Found | undefined> {
  if (former !== undefined && isSame(target, former.target) && (await isThere(former))) return former;
  switch (target.kind) {
    case 'docker':
      return ofTask(await dockerTask(engines.dockerSocket, target.id));
    case 'containerd':
      return ofTask(await containerdTask(engines.containerdDir, target.id));
    case 'pid':
      // A number that was another process's has nothing to do with it.
      return former !== undefined && isSame(target, former.target) ? undefined : ofPid(target.id);
    case 'netns':
      return ofPath(target.id, former !== undefined && isSame(target, former.target));
  }
}

/** Whether what was attached is there still, without asking anybody. */
export async function isThere({ target, netns, process }: Former): Promise<boolean> {
  if (process !== undefined) return isAlive(process);
  return (await netnsAt(target.id)) === netns;
}

function isSame(one: AttachTarget, other: AttachTarget): boolean {
  return one.kind === other.kind && one.id === other.id;
}

function ofTask({ pid }: Task): Found | undefined {
  return pid === undefined ? undefined : ofProcess(pid);
}

function ofProcess(pid: number): Found | undefined {
  const process = identify(pid);
  const netns = process === undefined ? undefined : netnsOfProcess(pid);
  return netns === undefined || process === undefined ? undefined : { netns, process };
}

function ofPid(id: string): Found {
  if (!/^[1-9]\d{0,9}$/.test(id)) throw invalid('attach', `pid:${id}`, 'is no process id');
  const found = ofProcess(Number(id));
  if (found === undefined) throw new CausewayError('not-found', `there is no process ${id} on this host`);
  return found;
}

async function ofPath(path: string, isKnown: boolean): Promise<Found | undefined> {
  if (!path.startsWith('/') || /\p{Cc}/u.test(path))
    throw invalid('attach', `netns:${path}`, 'is no absolute path');
  const netns = await netnsAt(path);
  if (netns !== undefined && (await isNetwork(path, netns))) return { netns };
  if (isKnown) return undefined;
  throw new CausewayError('not-found', `${path} is no network namespace of this host`);
}

async function netnsAt(path: string): Promise<number | undefined> {
  try {
    return (await statfs(path)).type === NSFS_MAGIC ? (await stat(path)).ino : undefined;
  } catch {
    return undefined;
  }
}

/** Namespaces of all kinds are files of one file system, and have their numbers from one count. */
async function isNetwork(path: string, inode: number): Promise<boolean> {
  const links = await Promise.all([readlink(path).catch(() => ''), readFile('/proc/self/mountinfo', 'utf8')]);
  return links.some((text) => text.includes(`net:[${inode}]`));
}
