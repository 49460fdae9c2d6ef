import { describe, expect, it } from 'vitest';
import { uniformity } from './chi-squared.ts';

describe('uniformity', () => {
  // Critical values of the chi-squared distribution at p = 0.001 (NIST handbook, table 1.3.6.7.4).
  it.each([
    [1, 10.828],
    [2, 13.816],
    [3, 16.266],
    [4, 18.467],
    [9, 27.877],
  ])('%i degrees of freedom: p = 0.001 at %f', (degrees, critical) => {
    expect(uniformity(countsWith(degrees + 1, critical))).toBeCloseTo(0.001, 5);
  });

  it('finds an even spread likely and a one-sided one impossible', () => {
    expect(uniformity([500, 500])).toBeCloseTo(1, 6);
    expect(uniformity([510, 490])).toBeGreaterThan(0.4);
    expect(uniformity([1000, 0])).toBeLessThan(1e-12);
    expect(uniformity([0, 0])).toBe(0);
  });
});

/** Counts whose statistic is exactly this: two of them moved apart from a mean of 500. */
function countsWith(cells: number, statistic: number): number[] {
  const delta = Math.sqrt((statistic * 500) / 2);
  return [500 + delta, 500 - delta, ...Array.from({ length: cells - 2 }, () => 500)];
}
