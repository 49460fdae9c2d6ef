import { describe, expect, it } from 'vitest';
import { endpoint } from '../../../test/support/intents.ts';
import type { EndpointIntent } from '../desired/intent.ts';
import { AFFINITY_BUCKETS, rendezvous } from './rendezvous.ts';

const ENDPOINTS = Array.from({ length: 5 }, (_, i) => endpoint(`10.10.${i}.2`));

/** Who has each bucket, by address. */
function owners(endpoints: readonly EndpointIntent[]): readonly string[] {
  return rendezvous(endpoints).map(({ address }) => address);
}

/** Buckets of one endpoint, on average over many sets of addresses. */
function averageShare(weights: readonly number[]): number {
  const rounds = 200;
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const endpoints = weights.map((weight, i) => endpoint(`10.${round}.${i}.2`, 80, weight));
    found += owners(endpoints).filter((address) => address === endpoints[0]?.address).length;
  }
  return found / rounds;
}

describe('rendezvous', () => {
  it('gives each bucket to one of the endpoints, nobody when there is none', () => {
    expect(rendezvous([])).toEqual([]);
    expect(owners([endpoint('10.10.1.2')])).toEqual(Array(AFFINITY_BUCKETS).fill('10.10.1.2'));
    expect(new Set(owners(ENDPOINTS))).toEqual(new Set(ENDPOINTS.map(({ address }) => address)));
  });

  it('is what it was: hosts of different versions agree', () => {
    expect(
      owners(ENDPOINTS)
        .slice(0, 16)
        .map((address) => address.split('.')[2])
        .join(''),
    ).toBe('2211120341410030');
  });

  it('knows no order', () => {
    for (let i = 1; i < ENDPOINTS.length; i++)
      expect(owners([...ENDPOINTS.slice(i), ...ENDPOINTS.slice(0, i)])).toEqual(owners(ENDPOINTS));
  });

  it('moves only the clients of the endpoint that goes, and only to the one that comes', () => {
    for (const gone of ENDPOINTS) {
      const before = owners(ENDPOINTS);
      const after = owners(ENDPOINTS.filter((one) => one !== gone));
      for (const [bucket, owner] of before.entries())
        if (owner === gone.address) expect(after[bucket]).not.toBe(owner);
        else expect(after[bucket]).toBe(owner);
    }
  });

  it('moves clients only towards the endpoint that gets heavier', () => {
    const [first, ...others] = ENDPOINTS;
    const before = owners(ENDPOINTS);
    const after = owners([endpoint('10.10.0.2', 12345, 3), ...others]);
    const moved = after.filter((owner, bucket) => owner !== before[bucket]);
    expect(moved.length).toBeGreaterThan(0);
    expect(new Set(moved)).toEqual(new Set([first?.address]));
  });

  it('shares in proportion to the weights', () => {
    // The mean of 200 rounds has a deviation of less than 0.6.
    expect(Math.abs(averageShare([1, 1]) - 128)).toBeLessThan(3);
    expect(Math.abs(averageShare([3, 1]) - 192)).toBeLessThan(3);
    expect(Math.abs(averageShare([1, 2, 5]) - 32)).toBeLessThan(3);
  });

  it('tells ports of one address apart', () => {
    const ports = [80, 81].map((port) => endpoint('10.10.1.2', port));
    expect(new Set(rendezvous(ports))).toEqual(new Set(ports));
  });

  it('remembers', () => {
    expect(rendezvous(ENDPOINTS)).toBe(rendezvous(ENDPOINTS));
  });
});
