import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpoint } from '../../../test/support/intents.ts';
import type { EndpointIntent } from '../desired/intent.ts';
import { bucketCount, bucketsOf } from './buckets.ts';

const weighted = (...weights: readonly number[]): readonly EndpointIntent[] =>
  weights.map((weight, i) => endpoint(`10.10.${i >> 8}.${i & 255}`, 80, weight));

/** How many buckets each endpoint has, in order. */
function shares(...weights: readonly number[]): readonly number[] {
  const endpoints = weighted(...weights);
  const buckets = bucketsOf(endpoints);
  return endpoints.map((one) => buckets.filter((bucket) => bucket === one).length);
}

describe('buckets', () => {
  it('are the endpoints themselves where all weigh the same', () => {
    for (const endpoints of [weighted(), weighted(7), weighted(3, 3, 3)])
      expect(bucketsOf(endpoints)).toBe(endpoints);
  });

  it.each([
    [
      [1, 2],
      [1, 2],
    ],
    [
      [50, 100],
      [1, 2],
    ],
    [
      [4, 6, 10],
      [2, 3, 5],
    ],
    [
      [100, 99, 57],
      [100, 99, 57],
    ],
  ])('of the weights %j are %j', (weights, expected) => {
    expect(shares(...weights)).toEqual(expected);
  });

  it('are 256 at most: the largest remainders win, and nobody goes without', () => {
    // They would be 99.611, 98.615 and 57.774 of 256, so two are left over for the last two.
    expect(shares(100, 99, 58)).toEqual([99, 99, 58]);
    // One each for the four that would get less, the rest for the fifth.
    expect(shares(1, 1, 1, 1, 65535)).toEqual([1, 1, 1, 1, 252]);
    const many = Array.from({ length: 300 }, (_, i) => (i === 0 ? 100 : 1));
    expect(shares(...many)).toEqual(many.map(() => 1));
  });

  it('follow the weights as closely as whole buckets can, in the order of the endpoints', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(weights, (all) => {
        const [endpoints, found] = [weighted(...all), shares(...all)];
        const total = found.reduce((sum, share) => sum + share, 0);
        expect(total).toBeLessThanOrEqual(256);
        expect(bucketCount(endpoints)).toBe(total);
        const runs = endpoints.flatMap((one, i) => Array.from({ length: found[i] ?? 0 }, () => one));
        expect(bucketsOf(endpoints)).toEqual(runs);
        for (const [i, weight] of all.entries())
          for (const [j, other] of all.entries())
            if (weight >= other)
              expect(found[i]).toBeGreaterThanOrEqual((found[j] ?? 0) - (total < 256 ? 0 : 1));
      }),
    );
  });

  it.each([0, -1, 0.5, Number.NaN, 65536])('refuse a weight of %j', (weight) => {
    expect(() => bucketsOf(weighted(1, weight))).toThrow('rendering rules: weight');
  });
});
