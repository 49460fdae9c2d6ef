import { describe, expect, it } from 'vitest';
import { difference, insertById, removeById } from './order.ts';

describe('difference', () => {
  it.each([
    ['abc', 'abc', '', ''],
    ['abc', 'aXc', 'b', 'X'],
    ['abc', 'abXc', '', 'X'],
    ['abc', 'ac', 'b', ''],
    ['', 'ab', '', 'ab'],
    ['ab', '', 'ab', ''],
    ['abcdef', 'XbcdeY', 'af', 'XY'],
    ['aXa', 'aa', 'X', ''],
  ])('from %s to %s', (from, to, gone, come) => {
    expect(difference([...from], [...to])).toEqual({ gone: [...gone], come: [...come] });
  });
});

describe('a list sorted by id', () => {
  it('stays so when some go and come', () => {
    const list = ['b', 'd', 'f'].map((id) => ({ id }));
    for (const id of ['a', 'e', 'g', 'c']) insertById(list, { id });
    for (const id of ['a', 'g', 'd']) removeById(list, id);
    expect(list.map(({ id }) => id).join('')).toBe('bcef');
  });
});
