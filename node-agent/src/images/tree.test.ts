import { lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CausewayError } from '@causeway/shared/errors';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LowerView, Seen } from './lower-view.ts';
import { createMergedTree, parentOf } from './merged-tree.ts';
import { createJudge, type RawEntry } from './tree.ts';

const FOLDER: Seen = { stats: lstatSync(tmpdir()) };
const FILE: Seen = { stats: lstatSync(fileURLToPath(import.meta.url)) };

const LIMITS = { entries: 1_000, pathBytes: 1_000_000 };

const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const target = fc
  .tuple(
    fc.constantFrom('', '/', '/../', '../', '../../../', './'),
    path,
    fc.constantFrom('', '/..', '/../..'),
  )
  .map((parts) => parts.join(''));
/** Layers below of which a path has what it has, whatever is above it: overlayfs shows no such thing, and nothing worse. */
const below = fc
  .dictionary(
    path,
    fc.oneof(
      fc.constant(FOLDER),
      fc.constant(FILE),
      target.map((one) => ({ ...FILE, target: one })),
    ),
  )
  .map((seen): LowerView => ({ seen: async (at) => seen[at], names: async () => [] }));
/** An archive that is refused tells nothing of what would come behind: most are not. */
const prefix = fc.oneof({ weight: 30, arbitrary: fc.constantFrom('', './') }, fc.constantFrom('/', '../'));
const suffix = fc.oneof(
  { weight: 20, arbitrary: fc.constant('') },
  { weight: 8, arbitrary: fc.constantFrom('/.wh.a', '/.wh..wh..opq') },
  fc.constant('/../d'),
);
const entry = fc.record({
  name: fc.tuple(prefix, path, suffix).map((parts) => parts.join('')),
  type: fc.constantFrom('file', 'directory', 'symlink', 'symlink', 'link', 'block-device'),
  target,
  ...{ mode: fc.constant(0o644), uid: fc.constant(0), gid: fc.constant(0), mtime: fc.constant(0) },
  ...{ size: fc.constant(0), sparse: fc.constant(false) },
});

it('writes whatever an archive says below its root only, by folders that it has made there', async () => {
  await fc.assert(
    fc.asyncProperty(below, fc.array(entry, { maxLength: 12 }), async (lowers, entries) => {
      const tree = createMergedTree(lowers);
      const judge = createJudge(tree, LIMITS);
      const made = new Map([['', 'folder']]);
      const put = (at: string, type: string) => {
        expect(at.split('/').some((part) => ['.', '..'].includes(part))).toBe(false);
        expect([at, made.get(parentOf(at))]).toEqual([at, 'folder']);
        made.set(at, type);
      };
      for (const raw of entries satisfies RawEntry[]) {
        const verdict = await judge(raw).catch((error: unknown) => {
          if (!(error instanceof CausewayError)) throw error;
        });
        if (verdict === undefined) return;
        for (const folder of verdict.folders) put(folder.path, 'folder');
        if (verdict.entry === undefined) continue;
        const { type, path: at, target: leads = '' } = verdict.entry;
        if (type === 'hardlink') expect(['file', 'symlink', 'hardlink', 'fifo']).toContain(made.get(leads));
        put(at, type);
      }
      for (const at of tree.whiteouts) expect([at, made.get(parentOf(at))]).toEqual([at, 'folder']);
    }),
    { numRuns: 2_000 },
  );
});

const raw = (name: string, more: Partial<RawEntry> = {}): RawEntry => ({
  ...{ name, type: 'file', target: '', mode: 0o644, uid: 0, gid: 0, mtime: 0, size: 0, sparse: false },
  ...more,
});
const NOTHING: LowerView = { seen: async () => undefined, names: async () => [] };

it('counts what is left out as well: an archive of nothing else has an end', async () => {
  const judge = createJudge(createMergedTree(NOTHING), { ...LIMITS, entries: 2 });
  for (const at of ['dev/a', 'dev/b']) await judge(raw(at, { type: 'block-device' }));
  await expect(judge(raw('dev/c', { type: 'block-device' }))).rejects.toThrow('more than 2 entries');
});

it.each([
  ['an entry', 'x'.repeat(200)],
  ['a whiteout', `.wh.${'x'.repeat(200)}`],
])('takes no path of %s that only a link’s target makes too long', async (_, last) => {
  const judge = createJudge(createMergedTree(NOTHING), LIMITS);
  const long = `${'b'.repeat(199)}/`.repeat(19) + 'b'.repeat(150);
  await judge(raw('a', { type: 'symlink', target: long }));
  await expect(judge(raw(`a/${last}`))).rejects.toThrow('leads to a path that is longer than');
  expect((await judge(raw('a/x'))).entry?.path).toBe(`${long}/x`);
});

it('keeps what it has seen below, and nothing of what is not there', async () => {
  const asked: string[] = [];
  const lowers: LowerView = {
    ...NOTHING,
    seen: async (at) => {
      asked.push(at);
      return at === 'a' ? FOLDER : undefined;
    },
  };
  const tree = createMergedTree(lowers);
  for (let i = 0; i < 2; i += 1) await tree.resolve('a/b');
  expect(asked).toEqual(['a', 'a/b', 'a/b']);
});

it.each([
  ['entries', (at: number) => raw(`${'p'.repeat(99)}${at}`)],
  ['links', (at: number) => raw(`${at}`, { type: 'symlink', target: 't'.repeat(99) })],
  ['whiteouts', (at: number) => raw(`.wh.${'p'.repeat(99)}${at}`)],
  ['folders that it goes through', (at: number) => raw(`${'p'.repeat(99)}${at}/.wh..wh..opq`)],
])('takes paths and links of so many bytes and no more: %s', async (_, entryAt) => {
  const below: LowerView = { ...NOTHING, seen: async () => FOLDER };
  const judge = createJudge(createMergedTree(below), { ...LIMITS, pathBytes: 1_000 });
  for (let at = 0; at < 3; at += 1) await judge(entryAt(at));
  const rest = async () => {
    for (let at = 3; at < 12; at += 1) await judge(entryAt(at));
  };
  await expect(rest()).rejects.toThrow('paths and links have more than 1000 bytes');
});

it('counts a path once, and of a link that is there twice what it leads to in the end', async () => {
  const tree = createMergedTree(NOTHING);
  const judge = createJudge(tree, LIMITS);
  for (const target of ['long', 'four', 'x']) await judge(raw('d/a', { type: 'symlink', target }));
  for (let i = 0; i < 2; i += 1) await judge(raw('d/b'));
  expect(tree.bytes()).toBe('d'.length + 'd/a'.length + 'x'.length + 'd/b'.length);
});

const inCircles = raw('a/x', { type: 'block-device' });
/** Every step of it is known. */
const circles = () => {
  const tree = createMergedTree(NOTHING, 50_000);
  tree.put('a', 'symlink', '../'.repeat(500));
  return createJudge(tree, LIMITS);
};

it('goes through so many folders and links for a layer, and no more', async () => {
  const judge = circles();
  const all = async () => {
    for (let i = 0; i < 120; i += 1) await judge(inCircles);
  };
  await expect(all()).rejects.toThrow(
    "the archive's paths go through folders and links in more than 50000 steps",
  );
  const whiteouts = createJudge(createMergedTree(NOTHING, 10), LIMITS);
  for (let i = 0; i < 10; i += 1) await whiteouts(raw('.wh.x'));
  await expect(whiteouts(raw('.wh.x'))).rejects.toThrow('more than 10 steps');
});

it('lets others have their turn in between', async () => {
  const judge = circles();
  let isTheirs = false;
  setImmediate(() => {
    isTheirs = true;
  });
  for (let i = 0; i < 90; i += 1) await judge(inCircles);
  expect(isTheirs).toBe(true);
});

it.each([
  ['its parts', `${'p'.repeat(256)}/..`],
  ['all of it', `${'pp/'.repeat(1_340)}${'../'.repeat(1_340)}`.slice(0, 4_095)],
])('goes nowhere by a link whose way is longer than a path can be: %s', async (_, target) => {
  const judge = createJudge(createMergedTree(NOTHING), LIMITS);
  await judge(raw('a', { type: 'symlink', target }));
  await expect(judge(raw('a/x'))).rejects.toThrow('leads to a path that is longer than');
});

it('takes seven steps by a link to a folder that it has not made itself', async () => {
  const below: LowerView = {
    ...NOTHING,
    seen: async (at) => (at === 'lib' ? { ...FILE, target: 'usr/lib' } : FOLDER),
  };
  const inSteps = async (most: number) => createJudge(createMergedTree(below, most), LIMITS)(raw('lib/a/b'));
  expect((await inSteps(7)).entry?.path).toBe('usr/lib/a/b');
  await expect(inSteps(6)).rejects.toThrow('more than 6 steps');
});
