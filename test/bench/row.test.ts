import { describe, expect, it } from 'vitest';
import { median, percentile, rowOf, tableOf } from './row.ts';

describe('rowOf', () => {
  it.each([
    [100, 50, '<= 150', true],
    [151, 50, '<= 150', false],
    [100, 50, '<= 2 x', true],
    [101, 50, '<= 2 x', false],
    [97, 100, '>= 0.97 x', true],
    [96, 100, '>= 0.97 x', false],
  ])('%f beside %f, %s: %s', (value, reference, limit, holds) => {
    expect(rowOf('figure', 'ms', value, reference, limit)).toMatchObject({
      ...{ value, reference, limit, holds },
      ratio: value / reference,
    });
  });

  it('refuses a limit that it cannot read', () => {
    expect(() => rowOf('figure', 'ms', 1, 1, 'fast')).toThrow(/"fast"/);
  });
});

it('takes the middle value', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(3);
});

it('prints a line for each row', () => {
  expect(tableOf([rowOf('start', 'ms', 10, 5, '<= 20')]).split('\n')).toEqual([
    'figure  unit  value  reference  ratio  limit  holds',
    'start   ms    10     5          2      <= 20  ✓',
  ]);
});

it('shows a figure that has no bar', () => {
  expect(rowOf('a', 'MiB', 90, 45, 'none')).toMatchObject({ ratio: 2, limit: 'none', holds: true });
});

describe('percentile', () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);

  it.each([
    [0, 1],
    [0.5, 100],
    [0.99, 198],
    [1, 200],
  ])('at %f of 1 to 200 is %i', (share, expected) => {
    expect(percentile(values, share)).toBe(expected);
  });
});
