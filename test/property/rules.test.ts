import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAMILIES } from '../../shared/src/net/family.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { DOCKER_STARTS_AGAIN, dockerRules } from '../support/docker.ts';
import { FakeIptables } from '../support/fake-iptables.ts';
import { FakeNft } from '../support/fake-nft.ts';
import { anyIntentOf, intentOf, manyServices, testService } from '../support/intents.ts';

const cases = FAMILIES.flatMap((family) => [
  { name: 'nftables', family, ruleset: nftables, kernel: () => new FakeNft(family) },
  { name: 'iptables', family, ruleset: iptables, kernel: () => new FakeIptables() },
]);

describe.each(cases)('rules in $name, $family', ({ family, ruleset, kernel }) => {
  const anyIntent = anyIntentOf(family);

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
      { numRuns: 150 },
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
        fake.apply(ruleset.clean(fake.list(), family));
        expect(fake.list()).toBe(untouched);
        fake.apply(ruleset.clean(fake.list(), family));
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
        const large = { ...b, services: [...manyServices(n, family), ...b.services] };
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
      const before = intentOf(manyServices(n, family), family);
      const { services } = intentOf([...manyServices(n, family), testService(family)], family);
      return ruleset.change(before, { ...before, services }).length;
    });
    expect(Math.abs((sizes[1] ?? 0) - (sizes[0] ?? 0))).toBeLessThan(20);
  });
});

/** What befalls a variant of iptables: Docker comes or starts anew, ours serves or stands beside, or everything of ours goes. */
const anyEvent = fc.constantFrom('docker', 'docker again', 'serve', 'beside', 'clean');

describe.each(FAMILIES)('beside others in iptables, %s', (family) => {
  it('whatever happens, ours stands in front of others where there are any, and theirs stays what it is', () => {
    fc.assert(
      fc.property(anyIntentOf(family), fc.array(anyEvent, { maxLength: 8 }), (intent, events) => {
        const [kernel, without] = [new FakeIptables(), new FakeIptables()];
        for (const event of events) {
          const hasDocker = without.list().includes('DOCKER');
          const theirs = event === 'docker' ? dockerRules(family) : DOCKER_STARTS_AGAIN;
          if (event.startsWith('docker') && hasDocker === (event === 'docker again'))
            for (const one of [kernel, without]) one.apply(theirs);
          if (event === 'serve') kernel.apply(iptables.full(intent, kernel.list()));
          if (event === 'beside') kernel.apply(iptables.beside(intent, kernel.list()).input);
          if (event === 'clean') kernel.apply(iptables.clean(kernel.list(), family));
          expect(withoutOurs(kernel)).toBe(withoutOurs(without));
          const { input, reasons } = iptables.beside(intent, kernel.list());
          if (event === 'serve') expect(iptables.drift(intent, kernel.list())).toEqual([]);
          if (event === 'beside') expect({ input, reasons }).toEqual({ input: '', reasons: [] });
          if (event === 'clean') expect(kernel.list()).toBe(without.list());
        }
      }),
      { numRuns: 150 },
    );
  });
});

function withoutOurs(kernel: FakeIptables): string {
  return kernel
    .list()
    .replace(/^\*ipset\n[\s\S]*?^COMMIT\n/gm, '')
    .replace(/^.*CWY-.*\n/gm, '')
    .replace(/^\*(raw|mangle)\n(:.*\n)*COMMIT\n/gm, '');
}
