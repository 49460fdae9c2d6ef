import { CausewayError, visible } from '@causeway/shared/errors';
import type { CleanEntry } from './tar-header.ts';

/** An archive's entry as it came. Names are bytes, one per character (latin1). */
export interface RawEntry {
  readonly name: string;
  /** As tar-stream calls it; null: it knows none. */
  readonly type: string | null;
  readonly target: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly size: number;
  /** Its content is a map of holes and what is between them. */
  readonly sparse: boolean;
}

export type Verdict =
  /** Folders on the way to it, which the archive has not named (yet), and then itself. */
  | { readonly kind: 'take'; readonly folders: readonly string[]; readonly entry: CleanEntry }
  /** A sentence, where somebody should hear of it. */
  | { readonly kind: 'leave'; readonly note?: string };

/** One layer's tree as it grows: what an entry may do is decided by all that came before it. */
export interface LayerTree {
  /** @throws CausewayError `invalid`, naming the entry: nothing of the archive is used then */
  judge(entry: RawEntry): Verdict;
  /** Paths that the layer takes away from those below it. */
  readonly whiteouts: ReadonlySet<string>;
  /** Folders of which nothing from the layers below is seen. */
  readonly opaque: ReadonlySet<string>;
  kindOf(path: string): Kind | undefined;
}

export type Kind = 'folder' | 'file' | 'symlink';

const MAX_PATH = 4_000;
const MAX_PART = 255;
/** Of a symbolic link, bytes. */
const MAX_TARGET = 4_095;
const MODE_BITS = 0o7777;
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const DEVICES = ['character-device', 'block-device'];
const TYPES: Readonly<Record<string, CleanEntry['type']>> = {
  ...{ file: 'file', 'contiguous-file': 'file', directory: 'folder', symlink: 'symlink' },
  ...{ link: 'hardlink', fifo: 'fifo' },
};

/**
 * PURE. Takes entries whose place is in the root and is reached by real folders alone: what is behind a symbolic link is
 * never written to, wherever the link leads.
 *
 * @param maxEntries of one layer
 */
export function createLayerTree(maxEntries: number): LayerTree {
  const kinds = new Map<string, Kind>([['', 'folder']]);
  const opaque = new Set<string>();
  const whiteouts = new Set<string>();

  function judge(raw: RawEntry): Verdict {
    if (kinds.size + whiteouts.size + opaque.size > maxEntries)
      throw new CausewayError('exhausted', `the archive has more than ${maxEntries} entries`);
    const path = pathOf(raw, raw.name);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const parent = parentOf(path);
    if (name.startsWith(WHITEOUT)) return hide(raw, parent, name);
    const type = TYPES[raw.type ?? ''];
    if (raw.sparse) throw refused(raw, 'is a sparse file: write the archive without --sparse');
    if (DEVICES.includes(raw.type ?? ''))
      return {
        kind: 'leave',
        note: `device ${shown(raw.name)} was left out: containers have their own /dev`,
      };
    if (type === undefined) throw refused(raw, 'is of a kind that is not known here, perhaps a sparse file');
    if (!(raw.size >= 0)) throw refused(raw, 'has a size that is no number');
    const folders = [...way(raw, parent)];
    replace(raw, path, type === 'folder' ? 'folder' : type === 'symlink' ? 'symlink' : 'file');
    const size = type === 'file' ? raw.size : 0;
    return { kind: 'take', folders, entry: { ...metadata(raw), ...targetOf(raw, type), type, path, size } };
  }

  /** Folders on the way to a place. */
  function way(raw: RawEntry, folder: string): readonly string[] {
    const kind = kinds.get(folder);
    if (kind === 'folder') return [];
    if (kind !== undefined)
      throw refused(raw, `goes through ${shown(folder)}, which is a ${kind === 'file' ? 'file' : 'link'}`);
    const above = way(raw, parentOf(folder));
    kinds.set(folder, 'folder');
    return [...above, folder];
  }

  function replace(raw: RawEntry, path: string, kind: Kind): void {
    const before = kinds.get(path);
    if (before !== undefined && (before === 'folder') !== (kind === 'folder'))
      throw refused(raw, 'is there twice, once as a folder and once not');
    kinds.set(path, kind);
  }

  function hide(raw: RawEntry, parent: string, name: string): Verdict {
    if (name === OPAQUE) opaque.add(parent);
    // aufs' own notes are nobody's files.
    else if (!name.startsWith(`${WHITEOUT}${WHITEOUT}`)) {
      const hidden = name.slice(WHITEOUT.length);
      if (['', '.', '..'].includes(hidden)) throw refused(raw, 'takes away nothing that could be there');
      whiteouts.add(parent === '' ? hidden : `${parent}/${hidden}`);
    }
    return { kind: 'leave' };
  }

  function targetOf(raw: RawEntry, type: CleanEntry['type']): Pick<CleanEntry, 'target'> {
    if (type === 'symlink') {
      if (raw.target === '' || raw.target.includes('\0')) throw refused(raw, 'is a link to nothing');
      if (raw.target.length > MAX_TARGET) throw refused(raw, `is a link to more than ${MAX_TARGET} bytes`);
      return { target: raw.target };
    }
    if (type !== 'hardlink') return {};
    const target = pathOf(raw, raw.target, 'is a hard link to a path that');
    const kind = kinds.get(target);
    if (target === pathOf(raw, raw.name)) throw refused(raw, 'is a hard link to itself');
    if (kind === undefined)
      throw refused(raw, `is a hard link to ${shown(raw.target)}, which is not before it`);
    if (kind === 'folder') throw refused(raw, `is a hard link to ${shown(raw.target)}, which is a folder`);
    return { target };
  }

  return { judge, whiteouts, opaque, kindOf: (path) => kinds.get(path) };
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The path below the root that a name means. */
function pathOf(raw: RawEntry, name: string, told = ''): string {
  const fault = (reason: string) => refused(raw, told === '' ? reason : `${told} ${reason}`);
  if (name.startsWith('/')) throw fault('is absolute');
  if (name.includes('\0')) throw fault('has a NUL byte');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw fault('has a ".." part');
  const path = parts.join('/');
  if (path.length > MAX_PATH || parts.some((part) => part.length > MAX_PART))
    throw fault('is longer than a file name can be');
  if (path === '' && (told !== '' || raw.type !== 'directory')) throw fault('names nothing below the root');
  return path;
}

function metadata({ mode, uid, gid, mtime }: RawEntry): Pick<CleanEntry, 'mode' | 'uid' | 'gid' | 'mtime'> {
  const whole = (value: number) => (Number.isSafeInteger(value) && value >= 0 ? value : 0);
  const seconds = Math.floor(mtime);
  return {
    ...{ mode: whole(mode) & MODE_BITS, uid: whole(uid), gid: whole(gid) },
    mtime: Number.isSafeInteger(seconds) ? seconds : 0,
  };
}

function refused({ name }: RawEntry, reason: string): CausewayError {
  return new CausewayError('invalid', `the archive's entry ${shown(name)} ${reason}`, { field: 'archive' });
}

/** Longest name that is repeated, in characters. */
const SHOWN = 120;

function shown(name: string): string {
  const text = Buffer.from(name, 'latin1').toString();
  return visible(JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text));
}
