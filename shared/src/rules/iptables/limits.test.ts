import { expect, it } from 'vitest';
import { rateOf } from './limits.ts';

// The texts are what iptables-save 1.8.9 makes of them: `test/contract/rules-kernel.test.ts` holds it to that.
it.each([
  [25, 'minute', 100, '-m limit --limit 25/min --limit-burst 100'],
  [70, 'minute', 5, '-m limit --limit 70/min'],
  [120, 'hour', 1, '-m limit --limit 2/min --limit-burst 1'],
  [1000, 'hour', 100, '-m limit --limit 1000/hour --limit-burst 100'],
  [10_000, 'second', 10_000, '-m limit --limit 10000/sec --limit-burst 10000'],
] as const)('says %i/%s, burst %i as iptables-save does', (connections, per, burst, text) => {
  expect(rateOf({ connections, per, burst })).toBe(text);
});

it('cuts a burst that the match cannot count to a day of the rate', () => {
  expect(rateOf({ connections: 1, per: 'hour', burst: 100 })).toBe(
    '-m limit --limit 1/hour --limit-burst 24',
  );
  expect(rateOf({ connections: 7, per: 'hour', burst: 10_000 })).toBe(
    '-m limit --limit 7/hour --limit-burst 168',
  );
});

it('refuses what is no rate', () => {
  for (const connections of [0, 1.5, 10_001, Number.NaN])
    expect(() => rateOf({ connections, per: 'second', burst: 1 })).toThrow('count');
});
