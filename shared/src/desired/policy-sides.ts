import type {
  NetworkPolicy,
  PolicyAction,
  PolicyPeerSet,
  PolicyPorts,
  PolicyRule,
} from '../model/network-policy.ts';
import { bitsOf, canonicalBlock, familyOf } from '../net/block.ts';
import type { Family } from '../net/family.ts';
import type { LimitedMatch, PolicyIntent, PolicyMatch, PolicySideIntent } from './intent.ts';

/** A policy, and whom it means at the moment; undefined: nobody knows. */
export interface ReadPolicy {
  readonly policy: NetworkPolicy;
  readonly peers: PolicyPeerSet | undefined;
}

export type PolicySides = Pick<PolicyIntent, 'ingress' | 'egress'>;
type Direction = keyof PolicySides;

/** Everybody, as a CIDR. */
const EVERYBODY: Readonly<Record<Family, string>> = { ipv4: '0.0.0.0/0', ipv6: '::/0' };

/**
 * What these policies say together, in one family. A rule of which nobody knows whom it names opens nothing: with `allow`
 * it names nobody, with `deny` everybody. Pure.
 */
export function sidesOf(policies: readonly ReadPolicy[], family: Family): PolicySides {
  const ingress = sideOf(policies, 'ingress', family);
  const egress = sideOf(policies, 'egress', family);
  return { ...(ingress === undefined ? {} : { ingress }), ...(egress === undefined ? {} : { egress }) };
}

/** A rule with whom it names, of one family. */
interface NamedRule {
  readonly rule: PolicyRule;
  readonly matches: readonly PolicyMatch[];
}

/** @returns undefined where nothing is refused and nothing limited */
function sideOf(
  policies: readonly ReadPolicy[],
  direction: Direction,
  family: Family,
): PolicySideIntent | undefined {
  const sides = policies.flatMap(({ policy, peers }) => {
    const side = policy[direction];
    return side === undefined ? [] : [{ side, addresses: resolvedOf(peers, direction) }];
  });
  const isClosed = sides.some(({ side }) => side.default === 'deny');
  const rules = sides.flatMap(({ side, addresses }) =>
    side.rules.map(
      (rule, index): NamedRule => ({ rule, matches: matchesOf(rule, addresses.get(index), family) }),
    ),
  );
  const deny = union(rules.filter(({ rule }) => rule.action === 'deny'));
  const limited = limitedOf(rules);
  const allow = union(rules.filter(({ rule }) => rule.action === 'allow' && rule.limit === undefined));
  if (!isClosed && deny.length === 0 && limited.length === 0) return undefined;
  // What is not refused anyway needs to be allowed only before a limit.
  const isNeeded = isClosed || limited.length > 0;
  return { default: defaultOf(isClosed), deny, allow: isNeeded ? allow : [], limited };
}

function defaultOf(isClosed: boolean): PolicyAction {
  return isClosed ? 'deny' : 'allow';
}

/** By a rule's number. */
function resolvedOf(
  peers: PolicyPeerSet | undefined,
  direction: Direction,
): ReadonlyMap<number, readonly string[]> {
  const own = (peers?.rules ?? []).filter(({ side }) => side === direction);
  return new Map(own.map(({ rule, addresses }) => [rule, addresses]));
}

/** @param resolved whom the rule's names and labels mean; undefined: nobody knows, or it has none */
function matchesOf(
  { action, peers, ports }: PolicyRule,
  resolved: readonly string[] | undefined,
  family: Family,
): readonly PolicyMatch[] {
  const cidrs = ((): readonly string[] => {
    if (peers === undefined) return [EVERYBODY[family]];
    const isNamed = peers.containers !== undefined || peers.labels !== undefined;
    if (isNamed && resolved === undefined && action === 'deny') return [EVERYBODY[family]];
    return [
      ...(peers.cidrs ?? []).filter((cidr) => familyOf(cidr) === family),
      ...(resolved ?? [])
        .filter((address) => familyOf(address) === family)
        .map((address) => `${address}/${bitsOf(family)}`),
    ];
  })();
  return cidrs.flatMap((text) => {
    const cidr = canonicalBlock(text);
    if (cidr === undefined) return [];
    return ports === undefined ? [{ cidr }] : ports.map((port) => ({ cidr, ...portsOf(port) }));
  });
}

function portsOf({ protocol, port, endPort }: PolicyPorts): Omit<PolicyMatch, 'cidr'> {
  return port === undefined ? { protocol } : { protocol, firstPort: port, lastPort: endPort ?? port };
}

/** Sorted, without doubles. */
function union(rules: readonly Pick<NamedRule, 'matches'>[]): readonly PolicyMatch[] {
  const found = new Map<string, PolicyMatch>();
  for (const { matches } of rules) for (const match of matches) found.set(textOf(match), match);
  return [...found].sort(byText).map(([, match]) => match);
}

/**
 * Each with a bucket of its own; of those that say the same, one. The first that names a connection judges it: that with the
 * highest rate, for an `allow` takes nothing from another.
 */
function limitedOf(rules: readonly NamedRule[]): readonly LimitedMatch[] {
  const found = new Map<string, LimitedMatch>();
  for (const { rule, matches: all } of rules) {
    if (rule.action !== 'allow' || rule.limit === undefined || all.length === 0) continue;
    const { connections, per, burst } = rule.limit;
    const matches = union([{ matches: all }]);
    const text = `${matches.map(textOf).join()} ${connections}/${per} ${burst}`;
    found.set(text, { matches, connections, per, burst });
  }
  return [...found].sort((a, b) => byRate(a[1], b[1]) || byText(a, b)).map(([, limited]) => limited);
}

const SECONDS = { second: 1, minute: 60, hour: 3_600 } as const;

/** The highest first, and of equal ones that with the largest burst. */
function byRate(a: LimitedMatch, b: LimitedMatch): number {
  const [rateOfA, rateOfB] = [a, b].map(({ connections, per }) => connections / SECONDS[per]);
  return (rateOfB ?? 0) - (rateOfA ?? 0) || b.burst - a.burst;
}

function textOf({ cidr, protocol, firstPort, lastPort }: PolicyMatch): string {
  return [cidr, protocol, firstPort, lastPort].join(' ');
}

function byText([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : Number(a > b);
}
