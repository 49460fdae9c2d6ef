import { createHash } from 'node:crypto';
import type { ContainerSpec } from '../model/container.ts';
import type { LocalContainers } from '../model/local-containers.ts';
import type { NetworkPolicy } from '../model/network-policy.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import type { PolicyIntent } from './intent.ts';
import { byId } from './order.ts';
import { type PolicySides, type ReadPolicy, sidesOf } from './policy-sides.ts';
import { candidates, means } from './policy-subjects.ts';

export interface Policies {
  /** Sorted by id. The same objects for as long as nothing of them changes. */
  readonly byFamily: Readonly<Record<Family, readonly PolicyIntent[]>>;
  readonly problems: readonly string[];
}

/** What came of the policies of a snapshot, and what from. */
interface Judgement extends Policies {
  readonly from: readonly unknown[];
  /** By id. */
  readonly groups: ReadonlyMap<string, Group>;
}

/** Policies that hold together for some container. */
interface Group {
  readonly id: string;
  readonly policies: readonly ReadPolicy[];
  readonly sides: Readonly<Record<Family, PolicySides>>;
}

const NOTHING: Policies = { byFamily: { ipv4: [], ipv6: [] }, problems: [] };

/** By network configuration, the last judgement in it. */
const judgements = new WeakMap<Snapshot['config'], Judgement>();

/**
 * Who may connect to this host's containers and to whom they may, by family. Pure as far as one can see: what it remembers
 * of the last snapshot spares it to look at policies again of which nothing changed.
 */
export function policiesOf(snapshot: Snapshot, local: LocalContainers): Policies {
  const { config, policies, policyPeers } = snapshot;
  if (policies.length === 0) return NOTHING;
  const from = [policies, policyPeers, local.specs, local.addresses];
  const last = judgements.get(config);
  if (last?.from.every((one, i) => one === from[i]) === true) return last;
  const next = judge(snapshot, local, last);
  judgements.set(config, { ...next, from });
  return next;
}

function judge(
  { config, policies, policyPeers }: Snapshot,
  { specs, addresses }: LocalContainers,
  last: Judgement | undefined,
): Omit<Judgement, 'from'> {
  const read = policies.map((policy): ReadPolicy => ({ policy, peers: policyPeers.get(policy.name) }));
  const groups = new Map<string, Group>();
  const subjects = new Map<string, Record<Family, Set<string>>>();
  for (const { own, subjectOf } of candidates(specs, addresses, config)) {
    const meant = read.filter(({ policy }) => subjectOf(policy.subjects));
    if (meant.length === 0) continue;
    const id = idOf(meant);
    if (!groups.has(id)) groups.set(id, groupOf(id, meant, last?.groups.get(id)));
    const known = subjects.get(id) ?? { ipv4: new Set(), ipv6: new Set() };
    for (const family of FAMILIES) for (const address of own[family]) known[family].add(address);
    subjects.set(id, known);
  }
  const of = (family: Family) => intentsOf(groups, subjects, family, last?.byFamily[family] ?? []);
  return { groups, byFamily: { ipv4: of('ipv4'), ipv6: of('ipv6') }, problems: homeless(policies, specs) };
}

/** Of the names alone: what the policies say may change, and only what differs has to be told the kernel. */
function idOf(policies: readonly ReadPolicy[]): string {
  const names = policies.map(({ policy }) => policy.name).join(' ');
  return createHash('sha256').update(names).digest('hex').slice(0, 12);
}

function groupOf(id: string, policies: readonly ReadPolicy[], last: Group | undefined): Group {
  const isSame = (one: ReadPolicy, other: ReadPolicy | undefined) =>
    one.policy === other?.policy && one.peers === other.peers;
  if (last !== undefined && policies.every((one, i) => isSame(one, last.policies[i]))) return last;
  return { id, policies, sides: { ipv4: sidesOf(policies, 'ipv4'), ipv6: sidesOf(policies, 'ipv6') } };
}

/** @param last those of the snapshot before: what did not change stays the same object */
function intentsOf(
  groups: ReadonlyMap<string, Group>,
  subjects: ReadonlyMap<string, Readonly<Record<Family, ReadonlySet<string>>>>,
  family: Family,
  last: readonly PolicyIntent[],
): readonly PolicyIntent[] {
  const before = new Map(last.map((intent) => [intent.id, intent]));
  const intents = [...groups.values()].flatMap((group): PolicyIntent[] => {
    const sides = group.sides[family];
    const addresses = [...(subjects.get(group.id)?.[family] ?? [])].sort();
    if (addresses.length === 0 || (sides.ingress === undefined && sides.egress === undefined)) return [];
    const old = before.get(group.id);
    const isSame =
      old?.ingress === sides.ingress &&
      old?.egress === sides.egress &&
      old?.subjects.join() === addresses.join();
    return [old !== undefined && isSame ? old : { id: group.id, subjects: addresses, ...sides }];
  });
  intents.sort(byId);
  return intents.length === last.length && intents.every((one, i) => one === last[i]) ? last : intents;
}

/** Modes in which a container has a network and no address that rules of its own could know it by. */
const UNRULED: ReadonlySet<string> = new Set(['host', 'container', 'macvlan', 'p2p']);

/** Containers that a policy means and that it cannot hold for. A policy for all means those that it can. */
function homeless(policies: readonly NetworkPolicy[], specs: readonly ContainerSpec[]): readonly string[] {
  const unruled = specs.filter(({ network }) => UNRULED.has(network?.kind ?? 'bridge'));
  return policies
    .filter(({ subjects }) => subjects.containers !== undefined || subjects.labels !== undefined)
    .flatMap(({ name, subjects }) =>
      unruled
        .filter((spec) => means(subjects, spec))
        .map(
          (spec) =>
            `policy ${name} does not hold for container ${spec.name}: with the network mode ${spec.network?.kind} it has no address of its own on the bridge`,
        ),
    );
}
