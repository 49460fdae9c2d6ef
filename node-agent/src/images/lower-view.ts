import type { Stats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { CausewayError, messageOf, show } from '@causeway/shared/errors';

/**
 * The layers below one that is being unpacked, as overlayfs shows them together. Paths are bytes (latin1). Both throw a
 * CausewayError `unreadable` where a layer does not let itself be read: what would be hidden must not pass for absent.
 */
export interface LowerView {
  /** @returns undefined where nothing is seen */
  seen(path: string): Promise<Seen | undefined>;
  /** The names in a folder; none where no folder is seen. */
  names(path: string): Promise<readonly string[]>;
}

export interface Seen {
  readonly stats: Stats;
  /** Where a symbolic link leads. */
  readonly target?: string;
}

/** @param lowers the topmost first */
export function lowerView(lowers: readonly string[]): LowerView {
  return {
    seen: async (path) => {
      for (const lower of lowers) {
        const found = await look(lower, path);
        if (found.kind === 'hidden') return undefined;
        if (found.kind === 'absent') continue;
        const { stats } = found;
        if (!stats.isSymbolicLink()) return { stats };
        const target = await readlink(onDisk(lower, path), { encoding: 'buffer' });
        return { stats, target: target.toString('latin1') };
      }
      return undefined;
    },
    names: async (path) => {
      const seen = new Map<string, boolean>();
      for (const lower of lowers) {
        const found = await look(lower, path);
        if (found.kind === 'absent') continue;
        if (found.kind === 'hidden' || !found.stats.isDirectory()) break;
        for (const bytes of await readdir(onDisk(lower, path), { encoding: 'buffer' })) {
          const name = bytes.toString('latin1');
          if (seen.has(name)) continue;
          const inside = await look(lower, path === '' ? name : `${path}/${name}`);
          seen.set(name, inside.kind === 'here');
        }
      }
      return [...seen].flatMap(([name, isSeen]) => (isSeen ? [name] : []));
    },
  };
}

type Look =
  | { readonly kind: 'here'; readonly stats: Stats }
  | { readonly kind: 'absent' }
  | { readonly kind: 'hidden' };

/** Goes part by part, so that no link is followed. Whatever is no folder hides what the layers below have there. */
async function look(lower: string, path: string): Promise<Look> {
  const parts = path === '' ? [] : path.split('/');
  for (let count = 0; count <= parts.length; count += 1) {
    const stats = await statsOf(lower, parts.slice(0, count).join('/'), path);
    if (stats === undefined) return { kind: 'absent' };
    if (isWhiteout(stats)) return { kind: 'hidden' };
    if (count === parts.length) return { kind: 'here', stats };
    if (!stats.isDirectory()) return { kind: 'hidden' };
  }
  return { kind: 'absent' };
}

/** @param lookedFor what this is on the way to */
async function statsOf(lower: string, path: string, lookedFor: string): Promise<Stats | undefined> {
  try {
    return await lstat(onDisk(lower, path));
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR'].includes(code)) return undefined;
    const told = show(Buffer.from(lookedFor, 'latin1').toString());
    throw new CausewayError('unreadable', `looking for ${told} in the layers below: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** overlayfs': a character device 0/0. */
function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

function onDisk(lower: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${lower}/`), Buffer.from(path, 'latin1')]);
}
