import { chmod, chown, lstat, mkdir, readlink, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { run } from '@causeway/shared/programs/run';
import type { Place } from './places.ts';

/** As the kernel does (path_resolution(7)). */
const MOST_LINKS = 40;

export interface RootRequest {
  /** Folders of the image's layers, the uppermost first, all in one folder. */
  readonly lowers: readonly string[];
  /** Text files that are put into it, by absolute path, when it is new. */
  readonly files: Readonly<Record<string, string>>;
  /** In a user namespace overlayfs keeps its marks where its root may write them. */
  readonly inUserNamespace: boolean;
  /** It is mounted already. */
  readonly mounted: boolean;
  /** What an earlier definition has written goes first. */
  readonly anew: boolean;
  /** The container's root, in the host's numbers. */
  readonly owner: number;
}

/**
 * The container's root file system at `place.merged`: what it writes lies over its image's layers, which it shares with others.
 *
 * @throws CausewayError `invalid` when one file's path goes through another file; `command-failed` when the kernel mounts no
 *   overlay there
 */
export async function makeRoot(place: Place, request: RootRequest): Promise<void> {
  if (request.anew) await removeRoot(place, request.mounted);
  if (request.anew || !request.mounted) await mountRoot(place, request);
  const whole = `${place.root}/whole`;
  if (await exists(whole)) return;
  for (const [path, text] of Object.entries(request.files))
    await putFile(place.merged, path, text, request.owner);
  // What breaks off before is begun anew by the next start.
  await writeFile(whole, '');
}

async function mountRoot(place: Place, { lowers, inUserNamespace, owner }: RootRequest): Promise<void> {
  const { upper, work, merged, name } = place;
  for (const folder of [upper, work, merged]) await mkdir(folder, { recursive: true });
  if (owner !== 0) for (const folder of [upper, work]) await chown(folder, owner, owner);
  // Options are at most a page: relative to their common folder, long lists of layers fit.
  const cwd = dirname(lowers[0] ?? '/');
  const options = [
    `lowerdir=${lowers.map((lower) => escaped(dirname(lower) === cwd ? basename(lower) : lower)).join(':')}`,
    ...[`upperdir=${escaped(upper)}`, `workdir=${escaped(work)}`],
    ...(inUserNamespace ? ['userxattr'] : []),
  ];
  const doing = `making the root of container ${name} (overlayfs over ${upper})`;
  await run('mount', ['-t', 'overlay', `causeway-${name}`, '-o', options.join(','), merged], { cwd, doing });
}

/** overlayfs separates layers by colons, mount(8) options by commas. */
function escaped(path: string): string {
  return path.replace(/[\\:,]/g, (one) => `\\${one}`);
}

export async function unmountRoot({ merged }: Place): Promise<void> {
  await run('umount', [merged], { doing: 'unmounting a root' });
}

/** Takes away what the container has written. */
export async function removeRoot(place: Place, mounted: boolean): Promise<void> {
  if (mounted) await unmountRoot(place);
  await rm(place.root, { recursive: true, force: true });
}

async function putFile(root: string, path: string, text: string, owner: number): Promise<void> {
  try {
    const folder = await folderInside(root, dirname(path));
    const full = join(folder, basename(path));
    await rm(full, { force: true });
    await writeFile(full, text, { flag: 'wx' });
    // Scripts are there to be run; the mode is set apart from the umask.
    if (owner !== 0) await chown(full, owner, owner);
    await chmod(full, text.startsWith('#!') ? 0o755 : 0o644);
  } catch (cause) {
    if (isNodeError(cause) && cause.code === 'ENOSPC') throw cause;
    throw new CausewayError(
      'invalid',
      `files ${JSON.stringify(path)} cannot be written: ${messageOf(cause)}`,
      {
        ...{ field: 'files', value: path, cause },
      },
    );
  }
}

/** The folder that a path means inside of a root, made where it is missing. */
async function folderInside(root: string, path: string): Promise<string> {
  const folder = await fileInside(root, path, true);
  if (!(await lstat(folder)).isDirectory()) throw new Error(`${basename(folder)} is no folder`);
  return folder;
}

/**
 * What a path means inside of a root. Links are followed as the container follows them: an absolute one begins at its root,
 * and nothing leads out of it.
 *
 * @param make makes the folders that are missing
 */
export async function fileInside(root: string, path: string, make = false): Promise<string> {
  const left = path.split('/').filter(Boolean);
  const at: string[] = [];
  for (let links = 0, part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '.') continue;
    if (part === '..') {
      at.pop();
      continue;
    }
    const full = join(root, ...at, part);
    const found = await lstat(full).catch(() => undefined);
    if (found?.isSymbolicLink()) {
      links += 1;
      if (links > MOST_LINKS) throw new Error('it leads through too many links');
      const target = await readlink(full);
      if (target.startsWith('/')) at.length = 0;
      left.unshift(...target.split('/').filter(Boolean));
      continue;
    }
    if (found === undefined && make) await mkdir(full);
    if (found?.isDirectory() === false && left.length > 0) throw new Error(`${part} is no folder`);
    at.push(part);
  }
  return join(root, ...at);
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

function isNodeError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
