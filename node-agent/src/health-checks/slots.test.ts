import { expect, it } from 'vitest';
import { createSlots } from './slots.ts';

it('runs so many at a time, the others in the order of their coming, also after a failure', async () => {
  const slots = createSlots(2);
  const begun: number[] = [];
  const end: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((i) =>
    slots.run(async () => {
      begun.push(i);
      await new Promise<void>((resolve) => end.push(resolve));
      if (i === 0) throw new Error('it failed');
    }),
  );
  const [first] = all;
  expect(begun).toEqual([0, 1]);
  end[0]?.();
  await expect(first).rejects.toThrow('it failed');
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1, 2]);
  for (const i of [1, 2]) end[i]?.();
  await Promise.all(all.slice(1, 3));
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1, 2, 3]);
  end[3]?.();
  await all[3];
});
