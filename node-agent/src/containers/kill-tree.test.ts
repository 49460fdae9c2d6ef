import { expect, it } from 'vitest';
import { type ContainerProcess, treeOf } from './kill-tree.ts';

/** @param all pid, parent, session */
const among = (...all: readonly (readonly [number, number, number])[]): readonly ContainerProcess[] =>
  all.map(([pid, parent, session]) => ({ pid, parent, session }));

it.each([
  ['nobody, of a process that is gone', among([1, 0, 1], [9, 1, 9]), []],
  ['its children and theirs', among([1, 0, 1], [7, 5, 5], [6, 5, 5], [5, 0, 5], [8, 7, 5]), [5, 6, 7, 8]],
  ['those that lead sessions of their own', among([1, 0, 1], [5, 0, 5], [6, 5, 6], [7, 1, 6]), [5, 6, 7]],
  ['those whose parents are gone', among([1, 0, 1], [7, 1, 5], [8, 7, 8]), [7, 8]],
  ['nobody else', among([1, 0, 1], [2, 1, 1], [3, 1, 3], [5, 0, 5]), [5]],
])('a tree is %s', (_, all, expected) => {
  expect([...treeOf(5, all)].sort()).toEqual(expected);
});
