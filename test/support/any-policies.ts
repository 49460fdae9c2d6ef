import fc from 'fast-check';
import type { EndpointIntent, ServiceIntent } from '../../shared/src/desired/intent.ts';
import { POLICIES } from '../../shared/src/model/service.ts';
import type { Family } from '../../shared/src/net/family.ts';

/** Lists of ranges, none of them inside another of its list, yet inside one of the next: a change from one to the next meets both. */
const SOURCE_RANGES = {
  ipv4: [['10.10.0.0/16', '192.0.2.0/31'], ['10.0.0.0/8', '192.0.2.1/32'], ['0.0.0.0/0'], []],
  ipv6: [['fd00:10::/48', '2001:db8::/127'], ['fd00::/8', '2001:db8::1/128'], ['::/0'], []],
} as const satisfies Record<Family, unknown>;

export const NODE_PORT_CIDRS = {
  ipv4: ['192.168.122.0/24', '203.0.113.1/32'],
  ipv6: ['2001:db8:3::1/128', 'fd00:122::/64'],
} as const satisfies Record<Family, readonly string[]>;

type Policies = Pick<
  ServiceIntent,
  'internalPolicy' | 'externalPolicy' | 'endpoints' | 'localEndpoints' | 'affinity' | 'sourceRanges'
>;

/** What half of all services leave as it is by default. */
export function anyPolicies(family: Family, endpoints: readonly EndpointIntent[]): fc.Arbitrary<Policies> {
  const policy = fc.constantFrom(...POLICIES);
  return fc
    .record({
      internalPolicy: policy,
      externalPolicy: policy,
      weights: fc.array(fc.constantFrom(1, 1, 2, 3, 100), {
        minLength: endpoints.length,
        maxLength: endpoints.length,
      }),
      here: fc.subarray([...endpoints.keys()]),
      // The last one here drains, while others elsewhere do not.
      drains: fc.boolean(),
      // Seldom, as each costs hundreds of elements.
      affinity: fc.nat({ max: 3 }).map((n) => n === 0),
      sourceRanges: fc.option(fc.constantFrom<readonly string[]>(...SOURCE_RANGES[family])),
      plain: fc.boolean(),
    })
    .map(({ plain, weights, here, drains, sourceRanges, ...asked }): Policies => {
      if (plain) return { ...PLAIN, endpoints };
      const weighted = endpoints.map((one, i) => ({ ...one, weight: weights[i] ?? 1 }));
      const isLocal = asked.internalPolicy === 'local' || asked.externalPolicy === 'local';
      const local = isLocal ? weighted.filter((_, i) => here.includes(i)) : [];
      const isDraining = drains && local.length === 1 && weighted.length > 1;
      return {
        ...asked,
        endpoints: isDraining ? weighted.filter((one) => !local.includes(one)) : weighted,
        localEndpoints: local,
        ...(sourceRanges === null ? {} : { sourceRanges }),
      };
    });
}

const PLAIN: Omit<Policies, 'endpoints'> = {
  internalPolicy: 'cluster',
  externalPolicy: 'cluster',
  localEndpoints: [],
  affinity: false,
};
