import type { Stats } from 'node:fs';
import type { LowerView, Seen } from './lower-view.ts';
import { createSteps } from './steps.ts';

export type Kind = 'folder' | 'file' | 'symlink';

/**
 * An image's tree while a layer is being unpacked: what the layer has brought so far, over what the layers below show.
 * Paths are relative to the root, without empty, `.` or `..` parts, one character per byte (latin1). Whatever looks for a
 * path throws a CausewayError `exhausted` once an archive has made it look too often.
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
  readonly whiteouts: ReadonlySet<string>;
  takeAway(path: string): void;
  /** Folders of which nothing from the layers below is seen. */
  readonly opaque: ReadonlySet<string>;
  takeAwayBelow(folder: string): void;
  /** How many entries the layer has by now. */
  size(): number;
  /** Of all paths and targets that are kept. */
  bytes(): number;
}

export type Resolved =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'endless' }
  | { readonly kind: 'too long' };

/** A folder that an archive only goes through. */
export interface PassedFolder {
  readonly path: string;
  /** As the layers below have it. */
  readonly stats: Stats | undefined;
}

/** As the kernel does (path_resolution(7)). */
const MOST_LINKS = 40;
/**
 * Of a layer. A path into a folder that the archive has made takes none; `lib/a/b`, where `lib` leads to `usr/lib`, takes
 * seven.
 */
const MOST_STEPS = 10_000_000;
const MAX_PATH = 4_000;
const MAX_PART = 255;

/** @param mostSteps that a layer may take through folders and links: a part of a path takes as many as it has above it, and one */
export function createMergedTree(lowers: LowerView, mostSteps = MOST_STEPS): MergedTree {
  const kinds = new Map<string, Kind>([['', 'folder']]);
  const targets = new Map<string, string>();
  const whiteouts = new Set<string>();
  const opaque = new Set<string>();
  /**
   * What entries go through: each is looked at once, however many entries there are. What is not there is not kept: an archive
   * could name any number of such paths.
   */
  const passed = new Map<string, Seen>();
  const steps = createSteps(mostSteps);
  let bytes = 0;

  function isHidden(path: string): boolean {
    if (whiteouts.size === 0 && opaque.size === 0) return false;
    for (let at = path; at !== ''; at = parentOf(at))
      if (whiteouts.has(at) || opaque.has(parentOf(at))) return true;
    return false;
  }

  async function below(path: string): Promise<Seen | undefined> {
    await steps(depthOf(path));
    return isHidden(path) ? undefined : lowers.seen(path);
  }

  async function belowOnTheWay(path: string): Promise<Seen | undefined> {
    if (isHidden(path)) return undefined;
    const before = passed.get(path);
    if (before !== undefined) return before;
    const seen = await lowers.seen(path);
    if (seen === undefined) return undefined;
    passed.set(path, seen);
    bytes += path.length + (seen.target?.length ?? 0);
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
    let at = '';
    let links = 0;
    for (let part = left.shift(); part !== undefined; part = left.shift()) {
      await steps(depthOf(at) + 1);
      if (part === '..') {
        at = parentOf(at);
        continue;
      }
      const here = joined(at, part);
      if (isTooLong(here)) return { kind: 'too long' };
      const found = await step(here);
      if (found?.kind === 'file') return { kind: 'file', path: here };
      if (found?.kind !== 'symlink') {
        at = here;
        continue;
      }
      const { target = '' } = found;
      links += 1;
      if (links > MOST_LINKS) return { kind: 'endless' };
      if (target.startsWith('/')) at = '';
      left.unshift(...partsOf(target));
    }
    return { kind: 'folder', path: at };
  }

  async function way(path: string): Promise<readonly PassedFolder[]> {
    if (kinds.has(path)) return [];
    const above = await way(parentOf(path));
    const stats = (await belowOnTheWay(path))?.stats;
    put(path, 'folder');
    return [...above, { path, stats }];
  }

  function put(path: string, kind: Kind, target?: string): void {
    if (!kinds.has(path)) bytes += path.length;
    kinds.set(path, kind);
    bytes += (target?.length ?? 0) - (targets.get(path)?.length ?? 0);
    if (target === undefined) targets.delete(path);
    else targets.set(path, target);
  }

  function keep(set: Set<string>, path: string): void {
    if (!set.has(path)) bytes += path.length;
    set.add(path);
  }

  return {
    kindOf: (path) => kinds.get(path),
    takeAway: (path) => keep(whiteouts, path),
    takeAwayBelow: (folder) => keep(opaque, folder),
    linkOf: (path) => targets.get(path),
    size: () => kinds.size + whiteouts.size + opaque.size,
    bytes: () => bytes,
    ...{ put, below, resolve, way, whiteouts, opaque },
  };
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** Without those that stay where they are. */
export function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

export function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/** How many parts a path has. */
function depthOf(path: string): number {
  return path === '' ? 0 : path.split('/').length;
}

/** Whether nothing can be there: no layer has paths that are longer. */
export function isTooLong(path: string): boolean {
  return path.length > MAX_PATH || path.split('/').some((part) => part.length > MAX_PART);
}
