import { expect, it } from 'vitest';
import { restoring } from './ip-sets.ts';

it('goes on where a set is still in use, and does nothing twice', async () => {
  const given: string[] = [];
  let refusals = 2;
  await restoring('del a 10.0.0.0/8\ndestroy a\ndestroy b\n', async (lines) => {
    given.push(lines);
    if (refusals-- > 0)
      throw new Error(
        `Error in line ${given.length === 1 ? 2 : 1}: Set cannot be destroyed: it is in use by a kernel component`,
      );
  });
  expect(given).toEqual([
    'del a 10.0.0.0/8\ndestroy a\ndestroy b\n',
    'destroy a\ndestroy b\n',
    'destroy a\ndestroy b\n',
  ]);
});

it('gives up at once on what is refused for another reason', async () => {
  const refusal = new Error('Error in line 1: Set with the given name does not exist');
  await expect(restoring('destroy a\n', () => Promise.reject(refusal))).rejects.toBe(refusal);
});
