import { expect, it } from 'vitest';
import { mapLimited } from './limited.ts';

it('does all of it, so many at a time', async () => {
  let now = 0;
  let most = 0;
  const done: number[] = [];
  await mapLimited([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now -= 1;
    done.push(item);
  });
  expect(most).toBe(3);
  expect(done).toEqual([1, 2, 3, 4, 5, 6, 7]);
});
