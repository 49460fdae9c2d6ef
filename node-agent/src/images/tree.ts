import { CausewayError, visible } from '@causeway/shared/errors';
import { imageCapability } from './capability.ts';
import { isTooLong, joined, type MergedTree, type PassedFolder, parentOf, partsOf } from './merged-tree.ts';
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
  /** Of the extended attribute `security.capability`. */
  readonly capability?: Buffer | undefined;
}

export interface Verdict {
  /** Those on the way to it that the layer has not had: they come first. */
  readonly folders: readonly PassedFolder[];
  /** What is taken; otherwise it is left out. */
  readonly entry?: CleanEntry;
  /** A sentence, where somebody should hear of it. */
  readonly note?: string;
}

/** Of one layer: what is known of it is kept in memory. */
export interface LayerLimits {
  readonly entries: number;
  /** Of all paths, and the targets of links. */
  readonly pathBytes: number;
}

/** @throws CausewayError `invalid`, naming the entry, or `exhausted`: nothing of the archive is used then */
export type Judge = (entry: RawEntry) => Promise<Verdict>;

const TOO_LONG = 'leads to a path that is longer than a file name can be';
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
 * Takes entries whose place is in the root: a path that leads through links is what it means in the container, and what is
 * written there is written by its own path, through folders alone.
 *
 * @param tree takes what is judged well
 */
export function createJudge(tree: MergedTree, { entries, pathBytes }: LayerLimits): Judge {
  let judged = 0;

  async function judge(raw: RawEntry): Promise<Verdict> {
    judged += 1;
    // Of what is left out the tree has nothing.
    if (judged > entries || tree.size() > entries)
      throw new CausewayError('exhausted', `the archive has more than ${entries} entries`);
    if (tree.bytes() > pathBytes)
      throw new CausewayError('exhausted', `the archive's paths and links have more than ${pathBytes} bytes`);
    const named = pathOf(raw, raw.name);
    const name = named.slice(named.lastIndexOf('/') + 1);
    const parent = await inFolder(raw, parentOf(named));
    if (name.startsWith(WHITEOUT)) return hide(raw, parent, name);
    const type = TYPES[raw.type ?? ''];
    if (raw.sparse) throw refused(raw, 'is a sparse file: write the archive without --sparse');
    if (DEVICES.includes(raw.type ?? ''))
      return {
        folders: [],
        note: `device ${shown(raw.name)} was left out: containers have their own /dev`,
      };
    if (type === undefined) throw refused(raw, 'is of a kind that is not known here, perhaps a sparse file');
    if (!(raw.size >= 0)) throw refused(raw, 'has a size that is no number');
    const path = joined(parent, name);
    if (isTooLong(path)) throw refused(raw, TOO_LONG);
    const link = await targetOf(raw, path, type);
    const folders = await tree.way(parent);
    put(raw, path, type, link.target);
    const size = type === 'file' ? raw.size : 0;
    const { note, ...capability } = type === 'file' ? capabilityOf(raw) : {};
    const entry = { ...metadata(raw), ...link, ...capability, type, path, size };
    return note === undefined ? { folders, entry } : { folders, entry, note };
  }

  /** Where an entry is that the archive says to be in a folder. */
  async function inFolder(raw: RawEntry, folder: string): Promise<string> {
    const found = await tree.resolve(folder);
    if (found.kind === 'endless') throw refused(raw, 'goes through too many links');
    if (found.kind === 'file') throw refused(raw, `goes through ${shown(found.path)}, which is a file`);
    if (found.kind === 'too long') throw refused(raw, TOO_LONG);
    return found.path;
  }

  function put(raw: RawEntry, path: string, type: CleanEntry['type'], target = ''): void {
    const before = tree.kindOf(path);
    if (before !== undefined && (before === 'folder') !== (type === 'folder'))
      throw refused(raw, 'is there twice, once as a folder and once not');
    if (type === 'hardlink') tree.put(path, tree.kindOf(target) ?? 'file', tree.linkOf(target));
    else if (type === 'symlink') tree.put(path, 'symlink', target);
    else tree.put(path, type === 'folder' ? 'folder' : 'file');
  }

  async function hide(raw: RawEntry, parent: string, name: string): Promise<Verdict> {
    if (name === OPAQUE) {
      const folders = await tree.way(parent);
      tree.takeAwayBelow(parent);
      return { folders };
    }
    // aufs' own notes are nobody's files.
    if (name.startsWith(`${WHITEOUT}${WHITEOUT}`)) return { folders: [] };
    const hidden = name.slice(WHITEOUT.length);
    if (['', '.', '..'].includes(hidden)) throw refused(raw, 'takes away nothing that could be there');
    const path = joined(parent, hidden);
    if (isTooLong(path)) throw refused(raw, TOO_LONG);
    if ((await tree.below(path)) === undefined) return { folders: [] };
    const folders = await tree.way(parent);
    tree.takeAway(path);
    return { folders };
  }

  async function targetOf(
    raw: RawEntry,
    path: string,
    type: CleanEntry['type'],
  ): Promise<Pick<CleanEntry, 'target'>> {
    if (type === 'symlink') {
      if (raw.target === '' || raw.target.includes('\0')) throw refused(raw, 'is a link to nothing');
      if (raw.target.length > MAX_TARGET) throw refused(raw, `is a link to more than ${MAX_TARGET} bytes`);
      return { target: raw.target };
    }
    if (type !== 'hardlink') return {};
    const named = pathOf(raw, raw.target, 'is a hard link to a path that');
    const target = joined(await inFolder(raw, parentOf(named)), named.slice(named.lastIndexOf('/') + 1));
    const kind = tree.kindOf(target);
    if (target === path) throw refused(raw, 'is a hard link to itself');
    if (kind === undefined)
      throw refused(raw, `is a hard link to ${shown(raw.target)}, which is not before it`);
    if (kind === 'folder') throw refused(raw, `is a hard link to ${shown(raw.target)}, which is a folder`);
    return { target };
  }

  return judge;
}

function capabilityOf({ name, capability }: RawEntry): {
  readonly capability?: Buffer;
  readonly note?: string;
} {
  if (capability === undefined) return {};
  const known = imageCapability(capability);
  if (known !== undefined) return { capability: known };
  return {
    note: `the capabilities of ${shown(name)} were left out: they are of a form that is not known here`,
  };
}

/** The path below the root that a name means. */
function pathOf(raw: RawEntry, name: string, told = ''): string {
  const fault = (reason: string) => refused(raw, told === '' ? reason : `${told} ${reason}`);
  if (name.startsWith('/')) throw fault('is absolute');
  if (name.includes('\0')) throw fault('has a NUL byte');
  const parts = partsOf(name);
  if (parts.includes('..')) throw fault('has a ".." part');
  const path = parts.join('/');
  if (isTooLong(path)) throw fault('is longer than a file name can be');
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

/** A name as it is told. */
export function shown(name: string): string {
  const text = Buffer.from(name, 'latin1').toString();
  return visible(JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text));
}
