import fc from 'fast-check';
import type {
  LimitedMatch,
  PolicyIntent,
  PolicyMatch,
  PolicySideIntent,
} from '../../shared/src/desired/intent.ts';
import type { Family } from '../../shared/src/net/family.ts';

/** CIDRs inside one another and apart, and addresses inside and outside of each. */
export const POLICY_WORLD = {
  ipv4: {
    cidrs: [
      '0.0.0.0/0',
      '10.0.0.0/8',
      '10.10.0.0/16',
      '10.10.1.0/24',
      '10.10.1.2/32',
      '10.10.1.3/32',
      '128.0.0.0/1',
    ],
    addresses: ['10.10.1.2', '10.10.1.3', '10.10.1.4', '10.10.2.2', '10.9.1.1', '192.168.122.200', '8.8.8.8'],
    subjects: ['10.10.1.2', '10.10.1.3', '10.10.1.4', '10.10.1.5'],
  },
  ipv6: {
    cidrs: [
      '::/0',
      'fd00::/8',
      'fd00:10::/48',
      'fd00:10:0:1::/64',
      'fd00:10:0:1::2/128',
      'fd00:10:0:1::3/128',
      '8000::/1',
    ],
    addresses: ['fd00:10:0:1::2', 'fd00:10:0:1::3', 'fd00:10:0:2::2', 'fd00:11::1', '2001:db8::1'],
    subjects: ['fd00:10:0:1::2', 'fd00:10:0:1::3', 'fd00:10:0:1::4', 'fd00:10:0:1::5'],
  },
} as const satisfies Record<Family, unknown>;

export const POLICY_PORTS = [1, 79, 80, 85, 90, 91, 100, 5000, 5200, 65535] as const;

/** One match; most of them overlap others. */
export function anyMatch(family: Family): fc.Arbitrary<PolicyMatch> {
  const ports = fc.constantFrom<Partial<PolicyMatch>>(
    {},
    { firstPort: 80, lastPort: 80 },
    { firstPort: 80, lastPort: 90 },
    { firstPort: 85, lastPort: 100 },
    { firstPort: 91, lastPort: 91 },
    { firstPort: 5000, lastPort: 5200 },
    { firstPort: 1, lastPort: 65535 },
  );
  return fc
    .record({
      cidr: fc.constantFrom(...POLICY_WORLD[family].cidrs),
      protocol: fc.constantFrom(undefined, 'tcp' as const, 'udp' as const, 'sctp' as const),
      ports,
    })
    .map(({ cidr, protocol, ports }) => (protocol === undefined ? { cidr } : { cidr, protocol, ...ports }));
}

const anyMatches = (family: Family) => fc.array(anyMatch(family), { maxLength: 6 });

function anySide(family: Family): fc.Arbitrary<PolicySideIntent> {
  return fc.record({
    default: fc.constantFrom('allow' as const, 'deny' as const),
    deny: anyMatches(family),
    allow: anyMatches(family),
    limited: fc.array(anyLimited(family), { maxLength: 2 }),
  });
}

function anyLimited(family: Family): fc.Arbitrary<LimitedMatch> {
  return fc.record({
    matches: anyMatches(family),
    connections: fc.constantFrom(1, 25, 120),
    per: fc.constantFrom('second' as const, 'minute' as const, 'hour' as const),
    burst: fc.constantFrom(1, 5, 100),
  });
}

/** Sides of a policy; either may be absent. */
export function anyPolicySides(family: Family): fc.Arbitrary<Pick<PolicyIntent, 'ingress' | 'egress'>> {
  const side = fc.option(anySide(family), { nil: undefined });
  return fc.record({ ingress: side, egress: side }).map(({ ingress, egress }) => ({
    ...(ingress === undefined ? {} : { ingress }),
    ...(egress === undefined ? {} : { egress }),
  }));
}

/** Up to three policies, each container under one of them at most. */
export function anyNetworkPolicies(family: Family): fc.Arbitrary<readonly PolicyIntent[]> {
  const subjects = POLICY_WORLD[family].subjects;
  return fc
    .record({
      owners: fc.tuple(...subjects.map(() => fc.constantFrom('', 'a1', 'b2', 'c3'))),
      sides: fc.tuple(anyPolicySides(family), anyPolicySides(family), anyPolicySides(family)),
    })
    .map(({ owners, sides }) =>
      ['a1', 'b2', 'c3'].flatMap((id, i) => {
        const mine = subjects.filter((_, subject) => owners[subject] === id);
        return mine.length === 0 ? [] : [{ id, subjects: mine, ...sides[i] }];
      }),
    );
}
