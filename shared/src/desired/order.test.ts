import { describe, expect, it } from 'vitest';
import { difference, exchanged } from './order.ts';

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
  it.each([
    ['bdf', 'd', 'acg', 'abcfg'],
    ['bdf', 'bdf', '', ''],
    ['bdf', 'bf', 'bf', 'bdf'],
    ['', '', 'ba', 'ab'],
    ['bdf', '', '', 'bdf'],
  ])('stays so when of %s those of %s go and %s come', (from, gone, come, to) => {
    const list = (ids: string) => [...ids].map((id) => ({ id }));
    const sorted = list(from);
    const found = exchanged(sorted, list(gone), list(come));
    expect(found.map(({ id }) => id).join('')).toBe(to);
    expect(sorted.map(({ id }) => id).join('')).toBe(from);
    expect(found === sorted).toBe(gone + come === '');
  });
});
