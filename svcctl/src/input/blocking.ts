import { invalid } from '@causeway/shared/errors';
import type { NetworkPolicy, PolicyPorts, PolicyRule } from '@causeway/shared/model/network-policy';
import type { Protocol } from '@causeway/shared/model/service';
import type { Labels } from './labels.ts';

export const DIRECTIONS = ['ingress', 'egress'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What is blocked: whom, for which containers, on which ways. */
export interface Blocking {
  /** Canonical CIDR. */
  readonly cidr: string;
  readonly ports?: PolicyPorts;
  readonly directions: readonly Direction[];
}

export type Subjects = NetworkPolicy['subjects'];
/** A name has as many characters at most. */
const LONGEST = 63;

/** The policy that holds what is blocked for these containers: each set of containers has one of its own. */
export async function policyName(subjects: Subjects): Promise<string> {
  const { containers = [], labels } = subjects;
  const [only, ...others] = containers;
  if (only === undefined && labels === undefined) return 'blocked';
  const plain = `blocked-from-${only}`;
  if (labels === undefined && others.length === 0 && plain.length <= LONGEST) return plain;
  const { createHash } = await import('node:crypto');
  const text = JSON.stringify([containers, Object.entries(labels ?? {}).sort()]);
  return `blocked-from-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

/** @throws CausewayError `invalid` for what is neither PORT nor PORT/PROTOCOL */
export function parsePorts(text: string): PolicyPorts {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(text);
  const [, first, last, protocol = 'tcp'] = found ?? [];
  const [port, endPort] = [Number(first), Number(last ?? first)];
  if (found === null || port < 1 || endPort > 65_535 || endPort < port)
    throw invalid('to', text, 'is not PORT, PORT-PORT or PORT/PROTOCOL, as in 80 or 53/udp');
  const known: Protocol = protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp';
  return { protocol: known, port, ...(last === undefined || endPort === port ? {} : { endPort }) };
}

/** Of what is written and read of a policy, as much as blocking has a say in. */
export type Definition = Pick<NetworkPolicy, 'name' | 'subjects'> & {
  readonly [D in Direction]?: { readonly default?: 'allow' | 'deny'; readonly rules: readonly PolicyRule[] };
};

/** The policy with one more that is blocked. The same object when it was already. Pure. */
export function blocked(policy: Definition, { cidr, ports, directions }: Blocking): Definition {
  let after = policy;
  for (const direction of directions) {
    const side = after[direction] ?? { rules: [] };
    const index = side.rules.findIndex((rule) => isFor(rule, ports));
    const rule = side.rules[index];
    const cidrs = rule?.peers?.cidrs ?? [];
    if (cidrs.includes(cidr)) continue;
    const next: PolicyRule = {
      action: 'deny',
      peers: { cidrs: [...cidrs, cidr] },
      ...(ports === undefined ? {} : { ports: [ports] }),
    };
    const rules = index < 0 ? [...side.rules, next] : side.rules.with(index, next);
    after = { ...after, [direction]: { ...side, rules } };
  }
  return after;
}

/**
 * The policy with one less, on all ports unless some are named. The same object when nothing of it was blocked. Pure.
 *
 * @returns undefined when nothing is left of it
 */
export function unblocked(policy: Definition, { cidr, ports, directions }: Blocking): Definition | undefined {
  let after = policy;
  for (const direction of directions) {
    const side = after[direction];
    if (side === undefined) continue;
    const rules = side.rules.flatMap((rule) => {
      const cidrs = rule.peers?.cidrs ?? [];
      if (rule.action !== 'deny' || !cidrs.includes(cidr)) return [rule];
      if (ports !== undefined && !isFor(rule, ports)) return [rule];
      return without(rule, cidr);
    });
    if (rules.length < side.rules.length || rules.some((rule, i) => rule !== side.rules[i]))
      after = { ...after, [direction]: { ...side, rules } };
  }
  return after !== policy && DIRECTIONS.every((direction) => saysNothing(after[direction]))
    ? undefined
    : after;
}

/** A rule that means whoever else it means, and goes with the last of them: one without peers would mean everybody. */
function without(rule: PolicyRule, cidr: string): readonly PolicyRule[] {
  const { cidrs = [], ...others } = rule.peers ?? {};
  const left = cidrs.filter((one) => one !== cidr);
  if (left.length > 0) return [{ ...rule, peers: { ...others, cidrs: left } }];
  return Object.keys(others).length === 0 ? [] : [{ ...rule, peers: others }];
}

function saysNothing(side: Definition[Direction]): boolean {
  return side === undefined || (side.rules.length === 0 && side.default !== 'deny');
}

/** Whether it is a rule in which addresses, and nobody else, are blocked on just these ports. */
function isFor({ action, peers, ports: own }: PolicyRule, ports: PolicyPorts | undefined): boolean {
  if (action !== 'deny' || peers?.cidrs === undefined) return false;
  if (peers.containers !== undefined || peers.labels !== undefined) return false;
  if (ports === undefined) return own === undefined;
  const [only, ...others] = own ?? [];
  const isSame =
    only?.protocol === ports.protocol && only.port === ports.port && only.endPort === ports.endPort;
  return isSame && others.length === 0;
}

/** @throws CausewayError `invalid` when both are given */
export function subjectsOf(from: readonly string[] | undefined, label: Labels | undefined): Subjects {
  return {
    ...(from === undefined ? {} : { containers: [...new Set(from)].sort() }),
    ...(label === undefined ? {} : { labels: label }),
  };
}
