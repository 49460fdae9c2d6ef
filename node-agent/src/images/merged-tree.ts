import type { Stats } from 'node:fs';
import type { LowerView, Seen } from './lower-view.ts';

export type Kind = 'folder' | 'file' | 'symlink';

/**
 * An image's tree while a layer is being unpacked: what the layer has brought so far, over what the layers below show.
 * Paths are relative to the root, without empty, `.` or `..` parts, one character per byte (latin1).
 */
export interface MergedTree {
  /** What the layer itself has there. */
  kindOf(path: string): Kind | undefined;
  /** @param target of a symbolic link */
  put(path: string, kind: Kind, target?: string): void;
  /** What the layers below show there, as far as this layer has not taken it away. */
  below(path: string): Promise<Seen | undefined>;
  /**
   * The folder that a path means. Links are followed as a container follows them: an absolute one begins at its root, and
   * nothing leads out of it. What is not there is a folder to be made.
   */
  resolve(path: string): Promise<Resolved>;
  /** The folders on the way to a resolved one, and itself, that the layer has not yet: it has them then. */
  way(path: string): Promise<readonly PassedFolder[]>;
  linkOf(path: string): string | undefined;
  /** Paths that the layer takes away from those below it. */
  readonly whiteouts: Set<string>;
  /** Folders of which nothing from the layers below is seen. */
  readonly opaque: Set<string>;
  /** How many entries the layer has by now. */
  size(): number;
}

export type Resolved =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'endless' };

/** A folder that an archive only goes through. */
export interface PassedFolder {
  readonly path: string;
  /** As the layers below have it. */
  readonly stats: Stats | undefined;
}

/** As the kernel does (path_resolution(7)). */
const MOST_LINKS = 40;

export function createMergedTree(lowers: LowerView): MergedTree {
  const kinds = new Map<string, Kind>([['', 'folder']]);
  const targets = new Map<string, string>();
  const whiteouts = new Set<string>();
  const opaque = new Set<string>();
  /**
   * What entries go through: each is looked at once, however many entries there are. What is not there is not kept: an archive
   * could name any number of such paths.
   */
  const passed = new Map<string, Seen>();

  function isHidden(path: string): boolean {
    if (whiteouts.size === 0 && opaque.size === 0) return false;
    for (let at = path; at !== ''; at = parentOf(at))
      if (whiteouts.has(at) || opaque.has(parentOf(at))) return true;
    return false;
  }

  const below = async (path: string) => (isHidden(path) ? undefined : lowers.seen(path));

  async function belowOnTheWay(path: string): Promise<Seen | undefined> {
    if (isHidden(path)) return undefined;
    const before = passed.get(path);
    if (before !== undefined) return before;
    const seen = await lowers.seen(path);
    if (seen !== undefined) passed.set(path, seen);
    return seen;
  }

  async function step(path: string): Promise<{ readonly kind: Kind; readonly target?: string } | undefined> {
    const own = kinds.get(path);
    if (own !== undefined) return { kind: own, target: targets.get(path) ?? '' };
    const seen = await belowOnTheWay(path);
    if (seen === undefined) return undefined;
    if (seen.target !== undefined) return { kind: 'symlink', target: seen.target };
    return { kind: seen.stats.isDirectory() ? 'folder' : 'file' };
  }

  async function resolve(path: string): Promise<Resolved> {
    if (kinds.get(path) === 'folder') return { kind: 'folder', path };
    const left = partsOf(path);
    let at: string[] = [];
    let links = 0;
    for (let part = left.shift(); part !== undefined; part = left.shift()) {
      if (part === '..') {
        at.pop();
        continue;
      }
      const here = [...at, part].join('/');
      const found = await step(here);
      if (found?.kind === 'file') return { kind: 'file', path: here };
      if (found?.kind !== 'symlink') {
        at.push(part);
        continue;
      }
      const { target = '' } = found;
      links += 1;
      if (links > MOST_LINKS) return { kind: 'endless' };
      if (target.startsWith('/')) at = [];
      left.unshift(...partsOf(target));
    }
    return { kind: 'folder', path: at.join('/') };
  }

  async function way(path: string): Promise<readonly PassedFolder[]> {
    if (kinds.has(path)) return [];
    const above = await way(parentOf(path));
    const stats = (await belowOnTheWay(path))?.stats;
    kinds.set(path, 'folder');
    return [...above, { path, stats }];
  }

  return {
    kindOf: (path) => kinds.get(path),
    put: (path, kind, target) => {
      kinds.set(path, kind);
      if (target === undefined) targets.delete(path);
      else targets.set(path, target);
    },
    linkOf: (path) => targets.get(path),
    size: () => kinds.size + whiteouts.size + opaque.size,
    ...{ below, resolve, way, whiteouts, opaque },
  };
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** Without those that stay where they are. */
export function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
