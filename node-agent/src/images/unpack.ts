import { readFile } from 'node:fs/promises';
import { CausewayError } from '@causeway/shared/errors';
import { through } from '@causeway/shared/programs/through';
import type { Chunks } from './content.ts';
import { type LowerView, lowerView } from './lower-view.ts';
import { tarEntries } from './tar-entries.ts';
import { type CleanEntry, END_OF_ARCHIVE, padding, tarHeader } from './tar-header.ts';
import { createLayerTree, type LayerTree } from './tree.ts';

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

const MAX_ENTRIES = 1_000_000;
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
  const tree = createLayerTree(MAX_ENTRIES);
  const notes: string[] = [];
  const ids = await idMaps();
  const clean = cleaned(source, tree, lowerView(options.lowers), notes, options.wantsEnd);
  const args = [
    ...['--extract', '--file=-', `--directory=${options.into}`, '--preserve-permissions', '--numeric-owner'],
    // Only root can give files away.
    process.geteuid?.() === 0 ? '--same-owner' : '--no-same-owner',
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
  tree: LayerTree,
  lowers: LowerView,
  notes: string[],
  wantsEnd: boolean,
): AsyncGenerator<Item> {
  for await (const { entry, content, skip } of tarEntries(source, wantsEnd)) {
    const verdict = tree.judge(entry);
    if (verdict.kind === 'take') {
      for (const path of verdict.folders) yield { entry: await asBelow(lowers, path) };
      if (verdict.entry.size > 0) {
        yield { entry: verdict.entry, content };
        continue;
      }
      yield { entry: verdict.entry };
    } else if (verdict.note !== undefined) notes.push(verdict.note);
    skip();
  }
  for await (const path of hidden(tree, lowers))
    yield { entry: { ...NOBODYS, type: 'whiteout', mode: 0, path } };
}

const NOBODYS = { uid: 0, gid: 0, mtime: 0, size: 0 } as const;
const FOLDER_MODE = 0o755;

/** A folder that an archive only goes through is as the layers below have it. */
async function asBelow(lowers: LowerView, path: string): Promise<CleanEntry> {
  const stats = await lowers.stat(path);
  if (stats === undefined) return { ...NOBODYS, type: 'folder', mode: FOLDER_MODE, path };
  if (!stats.isDirectory())
    throw new CausewayError(
      'invalid',
      `the archive goes through ${JSON.stringify(path)}, which is no folder in the layers below`,
    );
  const { mode, uid, gid, mtimeMs } = stats;
  return { type: 'folder', path, mode: mode & 0o7777, uid, gid, mtime: Math.floor(mtimeMs / 1_000), size: 0 };
}

/** Everything below that is not to be seen: of an opaque folder each name by itself, which needs no attributes on disk. */
async function* hidden(tree: LayerTree, lowers: LowerView): AsyncGenerator<string> {
  const told = new Set<string>();
  const opaque = [...tree.opaque];
  for (const path of tree.whiteouts) {
    // Taken away and made again in one layer.
    if (tree.kindOf(path) === 'folder') opaque.push(path);
    else if (tree.kindOf(path) === undefined && (await lowers.stat(path)) !== undefined) {
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
