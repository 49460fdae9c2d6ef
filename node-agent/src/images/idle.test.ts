import { expect, it } from 'vitest';
import { createIdle } from './idle.ts';

const MINUTE = 60_000;
const NOBODY: ReadonlySet<string> = new Set();

it('names what nobody has needed for ten minutes, and begins anew when it is needed in between', () => {
  let now = 0;
  const idle = createIdle(() => now);
  expect(idle.tooLong(['a', 'b'], NOBODY)).toEqual([]);
  now = 9 * MINUTE;
  expect(idle.tooLong(['a', 'b'], new Set(['b']))).toEqual([]);
  now = 10 * MINUTE;
  expect(idle.tooLong(['a', 'b'], NOBODY)).toEqual(['a']);
  now = 20 * MINUTE;
  expect(idle.tooLong(['b'], NOBODY)).toEqual(['b']);
});

it('waits as long for one that was removed and has come again', () => {
  let now = 0;
  const idle = createIdle(() => now);
  idle.tooLong(['a'], NOBODY);
  now = 10 * MINUTE;
  expect(idle.tooLong(['a'], NOBODY)).toEqual(['a']);
  expect(idle.tooLong(['a'], NOBODY)).toEqual([]);
  now = 20 * MINUTE;
  expect(idle.tooLong(['a'], NOBODY)).toEqual(['a']);
});
