import { readFile } from 'node:fs/promises';
import { through } from '@causeway/shared/programs/through';
import { padding } from './blocks.ts';
import { CAPABILITY_ATTRIBUTE } from './capability.ts';
import type { Chunks } from './content.ts';
import { type LowerView, lowerView } from './lower-view.ts';
import { createMergedTree, type MergedTree, type PassedFolder } from './merged-tree.ts';
import { tarEntries } from './tar-entries.ts';
import { type CleanEntry, END_OF_ARCHIVE, tarHeader } from './tar-header.ts';
import { createJudge, shown } from './tree.ts';

export interface Unpacked {
  /** What was left out, a sentence each. */
  readonly notes: readonly string[];
}

export interface UnpackOptions {
  /** An empty folder. */
  readonly into: string;
  /** Layers below it, the topmost first. */
  readonly lowers: readonly string[];
  /** True: an archive without the blocks of zeros at its end was cut off. */
  readonly wantsEnd: boolean;
}

const LIMITS = { entries: 1_000_000, pathBytes: 128 * 1024 ** 2 };
/** More of them are only counted. */
const MOST_NOTES = 20;

/**
 * Unpacks a layer's tar. Each entry is judged here, and what is taken is written anew as an archive for the host's `tar`:
 * what it unpacks is nothing but what was judged.
 *
 * @throws CausewayError `invalid`, naming the entry that cannot be taken; what was unpacked by then is for whoever made
 *   the folder to remove
 */
export async function unpackLayer(source: Chunks, options: UnpackOptions): Promise<Unpacked> {
  const notes: string[] = [];
  const ids = await idMaps();
  const clean = cleaned(source, lowerView(options.lowers), notes, options.wantsEnd);
  const args = [
    ...['--extract', '--file=-', `--directory=${options.into}`, '--preserve-permissions', '--numeric-owner'],
    // Only root can give files away, and capabilities to them.
    ...(isRoot()
      ? ['--same-owner', '--xattrs', `--xattrs-include=${CAPABILITY_ATTRIBUTE}`]
      : ['--no-same-owner']),
    ...['--delay-directory-restore', '--warning=no-timestamp'],
  ];
  const doing = 'unpacking a layer';
  for await (const _ of through(archive(clean, ids), 'tar', args, { doing }));
  const more = notes.length - MOST_NOTES;
  return { notes: more > 0 ? [...notes.slice(0, MOST_NOTES), `${more} more were left out`] : notes };
}

interface Item {
  readonly entry: CleanEntry;
  readonly content?: Chunks;
}

async function* archive(items: AsyncIterable<Item>, ids: IdMaps): AsyncGenerator<Buffer> {
  for await (const { entry, content } of items) {
    yield tarHeader({ ...entry, uid: mapped(ids.uids, entry.uid), gid: mapped(ids.gids, entry.gid) });
    if (content === undefined) continue;
    yield* content;
    yield padding(entry.size);
  }
  yield END_OF_ARCHIVE;
}

async function* cleaned(
  source: Chunks,
  lowers: LowerView,
  notes: string[],
  wantsEnd: boolean,
): AsyncGenerator<Item> {
  const tree = createMergedTree(lowers);
  const judge = createJudge(tree, LIMITS);
  for await (const { entry: raw, content, skip } of tarEntries(source, wantsEnd)) {
    const { folders, entry, note } = await judge(raw);
    if (note !== undefined) notes.push(note);
    if (entry?.capability !== undefined && !isRoot()) notes.push(onlyRoots(entry.path));
    for (const folder of folders) yield { entry: asBelow(folder) };
    if (entry !== undefined && entry.size > 0) {
      yield { entry, content };
      continue;
    }
    if (entry !== undefined) yield { entry };
    skip();
  }
  for await (const path of hidden(tree, lowers))
    yield { entry: { ...NOBODYS, type: 'whiteout', mode: 0, path } };
}

function onlyRoots(path: string): string {
  return `the capabilities of ${shown(path)} were left out: only an agent that is root can give them`;
}

const NOBODYS = { uid: 0, gid: 0, mtime: 0, size: 0 } as const;
const FOLDER_MODE = 0o755;

/** A folder that an archive only goes through is as the layers below have it. */
function asBelow({ path, stats }: PassedFolder): CleanEntry {
  if (stats === undefined) return { ...NOBODYS, type: 'folder', mode: FOLDER_MODE, path };
  const { mode, uid, gid, mtimeMs } = stats;
  return { type: 'folder', path, mode: mode & 0o7777, uid, gid, mtime: Math.floor(mtimeMs / 1_000), size: 0 };
}

/** Everything below that is not to be seen: of an opaque folder each name by itself, which needs no attributes on disk. */
async function* hidden(tree: MergedTree, lowers: LowerView): AsyncGenerator<string> {
  const told = new Set<string>();
  const opaque = [...tree.opaque];
  for (const path of tree.whiteouts) {
    // Taken away and made again in one layer.
    if (tree.kindOf(path) === 'folder') opaque.push(path);
    else if (tree.kindOf(path) === undefined) {
      told.add(path);
      yield path;
    }
  }
  for (let folder = opaque.pop(); folder !== undefined; folder = opaque.pop()) {
    if (tree.kindOf(folder) !== 'folder') continue;
    for (const name of await lowers.names(folder)) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const kind = tree.kindOf(path);
      if (kind === 'folder') opaque.push(path);
      if (kind !== undefined || told.has(path)) continue;
      told.add(path);
      yield path;
    }
  }
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

type IdMap = readonly (readonly [first: number, count: number])[];
interface IdMaps {
  readonly uids: IdMap;
  readonly gids: IdMap;
}

/** The numbers of users and groups that this user namespace has. */
async function idMaps(): Promise<IdMaps> {
  const [uids, gids] = await Promise.all(
    ['uid', 'gid'].map((kind) => readFile(`/proc/self/${kind}_map`, 'utf8')),
  );
  return { uids: idMap(uids ?? ''), gids: idMap(gids ?? '') };
}

function idMap(text: string): IdMap {
  return [...text.matchAll(/^\s*(\d+)\s+\d+\s+(\d+)\s*$/gm)].map((match) => [
    Number(match[1]),
    Number(match[2]),
  ]);
}

/** Whom nobody here can be is root. */
function mapped(map: IdMap, id: number): number {
  return map.some(([first, count]) => id >= first && id < first + count) ? id : 0;
}
