import type { FirewallIntent, LimitedMatch, PolicyIntent, PolicySideIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { chains } from '../names.ts';
import { RANGES } from '../ranges.ts';
import { safe } from '../safe.ts';
import { rateOf } from './limits.ts';
import { type Chain, comment, type Part } from './part.ts';
import { type Direction, listSets, matchRules, type PolicyList } from './policy-lists.ts';
import type { IpSet } from './sets.ts';
import { host } from './words.ts';

/**
 * Who may connect to containers of this host, and to whom they may. A container is a rule per direction, which leads to
 * the chain of its policies; what these match is elements of ipsets. Nothing of it is there while no container has a
 * policy.
 *
 * Asked in front of what accepts the container network (`forward.ts`). What is refused is dropped without a word: whoever
 * may not come learns nothing, not even that somebody is there. What the host itself begins goes through OUTPUT, which no
 * policy asks.
 */
export const networkPolicies: Part = {
  jumps: ({ policies }) => [
    ...(policies.length === 0
      ? []
      : [{ table: 'filter', chain: 'INPUT', rule: `${ask(chains.egress, 'causeway: policies')}` } as const]),
    ...(policies.some(asks)
      ? [
          {
            table: 'mangle',
            chain: 'PREROUTING',
            rule: `${ask(chains.asked, 'causeway: policies')}`,
          } as const,
        ]
      : []),
  ],

  chains: ({ policies, family, bridge }) => {
    if (policies.length === 0) return [];
    const asking = policies.filter(asks);
    const from = dispatch('-s', policies, family, ({ id, egress }) =>
      egress === undefined ? chains.begin : chains.policy(id, 'from'),
    );
    const to = dispatch('-d', policies, family, ({ id, ingress }) =>
      ingress === undefined ? chains.begin : chains.policy(id, 'to'),
    );
    const asked = dispatch('-s', asking, family, ({ id }) => chains.policyAsked(id));
    return [
      {
        ...{ table: 'filter', name: chains.egress },
        rules: [...neighbours(family), ...nameless(family, bridge), ...from],
      },
      { table: 'filter', name: chains.ingress, rules: [...neighbours(family), ...to] },
      ...(asking.length === 0 ? [] : [{ table: 'mangle', name: chains.asked, rules: asked } as const]),
      { table: 'filter', name: chains.begin, rules: [NO_SYN] },
      ...policies.flatMap((policy) => sidesOf(policy).flatMap((side) => chainsOf(side, family))),
    ];
  },

  lists: () => [],

  ofService: () => [],
};

/** The rules of `CWY-FORWARD` that ask both sides; none while there are no policies. */
export function askingRules({ policies }: FirewallIntent): readonly string[] {
  if (policies.length === 0) return [];
  return [
    ask(chains.egress, 'connections from a container with policies'),
    ask(chains.ingress, 'connections to a container with policies'),
  ];
}

/** The sets that the policies look into. */
export function setsOf({ policies, family }: FirewallIntent): readonly IpSet[] {
  return policies.flatMap((policy) =>
    sidesOf(policy).flatMap((side) => listsOf(side).flatMap((list) => listSets(list, family))),
  );
}

/** What stands goes on, and replies: nobody is asked about them. */
function ask(chain: string, why: string): string {
  return `${comment(why)} -m conntrack ! --ctstate RELATED,ESTABLISHED -j ${chain}`;
}

/** Whether destinations are looked at before translation too. */
function asks({ egress }: PolicyIntent): boolean {
  return egress !== undefined && egress.deny.length > 0;
}

/** One rule per subject. */
function dispatch(
  side: '-s' | '-d',
  policies: readonly PolicyIntent[],
  family: Family,
  chainOf: (policy: PolicyIntent) => string,
): readonly string[] {
  const rules = policies.flatMap((policy) =>
    policy.subjects.map((subject) => `${side} ${host(subject, family)} -j ${chainOf(policy)}`),
  );
  // Sorted by address, so that one that goes from one policy to another is a rule that changes in its place.
  return rules.sort();
}

/** Neighbours find each other, whatever the policies say. */
function neighbours(family: Family): readonly string[] {
  if (family === 'ipv4') return [];
  // Solicitations and advertisements, of routers and of neighbours.
  return [133, 134, 135, 136].map(
    (type) =>
      `-p ipv6-icmp ${comment('neighbours find each other')} -m icmp6 --icmpv6-type ${type} -j RETURN`,
  );
}

/** Every link has addresses that no policy knows anybody by, and containers of one bridge would reach each other by these. */
function nameless(family: Family, bridge: string): readonly string[] {
  const { linkLocal } = RANGES[family];
  if (linkLocal === undefined) return [];
  return ['-s', '-d'].map(
    (side) =>
      `${side} ${linkLocal} -i ${safe.link(bridge)} ${comment('a container whom no policy would know')} -j DROP`,
  );
}

const NO_SYN = `-p tcp ${comment('the middle of a connection that conntrack does not know')} -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP`;

interface Side {
  readonly id: string;
  readonly direction: Direction;
  readonly intent: PolicySideIntent;
}

function sidesOf({ id, ingress, egress }: PolicyIntent): readonly Side[] {
  return [
    ...(ingress === undefined ? [] : [{ id, direction: 'to', intent: ingress } as const]),
    ...(egress === undefined ? [] : [{ id, direction: 'from', intent: egress } as const]),
  ];
}

/** A list that has nothing needs no set, so that nothing but a default works without ipset too. */
function listsOf({ id, direction, intent }: Side): readonly PolicyList[] {
  const lists: readonly PolicyList[] = [
    { id, direction, what: 'deny', matches: intent.deny },
    { id, direction, what: 'allow', matches: intent.allow },
    ...intent.limited.map(({ matches }, what) => ({ id, direction, what, matches })),
  ];
  return lists.filter(({ matches }) => matches.length > 0);
}

function chainsOf(side: Side, family: Family): readonly Chain[] {
  const { id, direction, intent } = side;
  const lists = listsOf(side);
  const rules = (what: PolicyList['what'], target: string, why: string) =>
    lists.filter((list) => list.what === what).flatMap((list) => matchRules(list, family, target, why));
  const asked: Chain = {
    table: 'mangle',
    name: chains.policyAsked(id),
    rules: rules('deny', '-j DROP', 'denied, before translation'),
  };
  return [
    {
      table: 'filter',
      name: chains.policy(id, direction),
      rules: [
        NO_SYN,
        ...rules('deny', '-j DROP', 'denied'),
        ...rules('allow', '-j RETURN', 'allowed'),
        ...intent.limited.flatMap((_, i) =>
          rules(i, `-g ${chains.limit(id, direction, i)}`, 'allowed up to a rate'),
        ),
        ...(intent.default === 'deny' ? [`${comment('the default')} -j DROP`] : []),
      ],
    },
    ...(direction === 'from' && intent.deny.length > 0 ? [asked] : []),
    ...intent.limited.map((limited, i) => limitChain(chains.limit(id, direction, i), limited)),
  ];
}

function limitChain(name: string, limited: LimitedMatch): Chain {
  return {
    table: 'filter',
    name,
    rules: [
      `${comment('one bucket for all new connections of the rule')} ${rateOf(limited)} -j RETURN`,
      `${comment('above the rate')} -j DROP`,
    ],
  };
}
