import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { FirewallIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { FakeIptables } from '../support/fake-iptables.ts';
import { FakeNft } from '../support/fake-nft.ts';
import { anyIntentOf, intentOf } from '../support/intents.ts';

/**
 * Intents in which most services stay what they are, the same objects, as they do from one snapshot to the next.
 * Several share a VIP or an endpoint's address, so what goes with one service may have to stay for another.
 */
const slowlyChanging = (family: Family): fc.Arbitrary<FirewallIntent[]> =>
  fc
    .tuple(
      anyIntentOf(family),
      anyIntentOf(family),
      fc.array(fc.array(fc.nat({ max: 7 }), { maxLength: 2 }), { minLength: 1, maxLength: 6 }),
    )
    .map(([usual, other, exceptions]) =>
      [[], ...exceptions].map((indexes) => {
        const ids = indexes.map((index) => new RegExp(`^s${index}\\b`));
        const isException = ({ id }: { readonly id: string }) => ids.some((one) => one.test(id));
        const services = [
          ...usual.services.filter((service) => !isException(service)),
          ...other.services.filter(isException),
        ];
        const { published } = indexes.includes(0) ? other : usual;
        const { policies } = indexes.includes(1) ? other : usual;
        return { ...intentOf(services, family), published, policies };
      }),
    );

it.each(
  FAMILIES.flatMap((family) => [
    { name: 'nftables', family, ruleset: nftables, kernel: () => new FakeNft(family) },
    { name: 'iptables', family, ruleset: iptables, kernel: () => new FakeIptables() },
  ]),
)(
  'a change in $name, $family, takes away nothing that an unchanged service needs, and leaves nothing behind',
  ({ family, ruleset, kernel }) => {
    fc.assert(
      fc.property(slowlyChanging(family), ([first, ...rest]) => {
        const fake = kernel();
        if (first === undefined) return;
        fake.apply(ruleset.full(first, fake.list()));
        let held = first;
        for (const next of rest) {
          const change = ruleset.change(held, next);
          expect(ruleset.change(structuredClone(held), next)).toBe(change);
          fake.apply(change);
          expect(ruleset.drift(next, fake.list())).toEqual([]);
          held = next;
        }
      }),
      { numRuns: 150 },
    );
  },
);
