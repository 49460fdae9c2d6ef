import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { FakeIptables } from '../support/fake-iptables.ts';
import { FakeNft } from '../support/fake-nft.ts';
import { anyIntent, intentOf, manyServices, TEST_SERVICE } from '../support/intents.ts';

describe.each([
  { name: 'nftables', ruleset: nftables, kernel: () => new FakeNft() },
  { name: 'iptables', ruleset: iptables, kernel: () => new FakeIptables() },
])('rules in $name', ({ ruleset, kernel }) => {
  it('converge over any sequence of changes, each without drift', () => {
    fc.assert(
      fc.property(fc.array(anyIntent, { minLength: 1, maxLength: 6 }), ([first, ...rest]) => {
        const fake = kernel();
        if (first === undefined) return;
        fake.apply(ruleset.full(first, fake.list()));
        expect(ruleset.drift(first, fake.list())).toEqual([]);
        let held = first;
        for (const next of rest) {
          fake.apply(ruleset.change(held, next));
          expect(ruleset.drift(next, fake.list())).toEqual([]);
          held = next;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('come from any earlier state of ours to exactly the intent, and leave nothing when cleaned', () => {
    fc.assert(
      fc.property(anyIntent, anyIntent, (before, after) => {
        const fake = kernel();
        const untouched = fake.list();
        fake.apply(ruleset.full(before, fake.list()));
        fake.apply(ruleset.full(after, fake.list()));
        expect(ruleset.drift(after, fake.list())).toEqual([]);
        fake.apply(ruleset.clean(fake.list()));
        expect(fake.list()).toBe(untouched);
        fake.apply(ruleset.clean(fake.list()));
        expect(fake.list()).toBe(untouched);
      }),
    );
  });

  it('say that intents differ exactly when they do', () => {
    fc.assert(
      fc.property(anyIntent, anyIntent, (a, b) => {
        const fake = kernel();
        fake.apply(ruleset.full(a, fake.list()));
        const changes = ruleset.change(a, b) !== '';
        expect(changes).toBe(ruleset.drift(b, fake.list()).length > 0);
        expect(ruleset.change(a, structuredClone(a))).toBe('');
      }),
    );
  });

  it('do the same in parts as in one', () => {
    fc.assert(
      fc.property(anyIntent, anyIntent, fc.integer({ min: 0, max: 900 }), (a, b, n) => {
        const large = { ...b, services: [...manyServices(n), ...b.services] };
        const fake = kernel();
        for (const part of ruleset.parts(ruleset.full(a, fake.list()))) fake.apply(part);
        for (const part of ruleset.parts(ruleset.change(a, large))) fake.apply(part);
        expect(ruleset.drift(large, fake.list())).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it('change as much as differs, however many services there are', () => {
    const sizes = [10, 2000].map((n) => {
      const before = intentOf(manyServices(n));
      const { services } = intentOf([...manyServices(n), TEST_SERVICE]);
      return ruleset.change(before, { ...before, services }).length;
    });
    expect(Math.abs((sizes[1] ?? 0) - (sizes[0] ?? 0))).toBeLessThan(20);
  });
});
