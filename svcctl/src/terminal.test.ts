import { expect, it } from 'vitest';
import { sizeOf } from './terminal.ts';

it.each([
  [
    { isTTY: true, columns: 97, rows: 31 },
    { columns: 97, rows: 31 },
  ],
  [{ isTTY: true, columns: 0, rows: 0 }, undefined],
  [{ isTTY: false, columns: 97, rows: 31 }, undefined],
])('the size of a terminal is asked of %j: %j', (stdout, size) => {
  expect(sizeOf(stdout)).toEqual(size);
});
