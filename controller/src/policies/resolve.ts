import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type {
  NetworkPolicy,
  PolicyPeerSet,
  PolicyRule,
  ResolvedPeers,
} from '@causeway/shared/model/network-policy';
import type { Workload } from '@causeway/shared/model/workload';
import type { Labels } from '../endpoints/places.ts';

/** Most bytes of all addresses of a policy: they are one value in etcd, which is written with the policy itself. */
const MAX_BYTES = 700_000;

/** What resolving must know of the cluster. */
export interface PeerPlaces {
  container(name: string): ContainerSpec | undefined;
  status(name: string): ContainerStatus | undefined;
  workload(name: string): Workload | undefined;
  /** Names of the containers and workloads that carry all of these labels, sorted. */
  selected(labels: Labels): readonly string[];
}

const SIDES = ['ingress', 'egress'] as const;

/**
 * Says whom a policy's rules mean at the moment. Pure: the same input gives the same set. A container that does not run
 * keeps its address, and stays what it is to others. Rules that mean more addresses than there is room for are left out,
 * so that hosts take them to mean nobody, or everybody where they deny.
 *
 * @param kept addresses that a rule which denies goes on to mean, since nobody knows who has them
 */
export function resolvePeers(policy: NetworkPolicy, places: PeerPlaces, kept?: PolicyPeerSet): PolicyPeerSet {
  let bytes = 0;
  const rules = SIDES.flatMap((side) =>
    (policy[side]?.rules ?? []).flatMap((rule, index): ResolvedPeers[] => {
      if (!namesPeers(rule)) return [];
      const stays = rule.action === 'deny' ? addressesIn(kept, side, index) : [];
      const addresses = [...new Set([...addressesOf(rule, places), ...stays])].sort();
      const resolved: ResolvedPeers = { side, rule: index, addresses };
      bytes += JSON.stringify(resolved).length;
      return bytes > MAX_BYTES ? [] : [resolved];
    }),
  );
  return { name: policy.name, rules };
}

/** Whether a rule names containers or labels. */
export function namesPeers({ peers }: PolicyRule): boolean {
  return peers?.containers !== undefined || peers?.labels !== undefined;
}

/** The rules of both sides. */
export function rulesOf({ ingress, egress }: NetworkPolicy): readonly PolicyRule[] {
  return [...(ingress?.rules ?? []), ...(egress?.rules ?? [])];
}

function addressesIn(set: PolicyPeerSet | undefined, side: string, rule: number): readonly string[] {
  return set?.rules.find((one) => one.side === side && one.rule === rule)?.addresses ?? [];
}

function addressesOf({ peers }: PolicyRule, places: PeerPlaces): readonly string[] {
  const selected = peers?.labels === undefined ? [] : places.selected(peers.labels);
  return [...(peers?.containers ?? []), ...selected].flatMap((name) => addressesAt(name, places));
}

function addressesAt(name: string, places: PeerPlaces): readonly string[] {
  const container = places.container(name);
  if (container === undefined) return places.workload(name)?.addresses ?? [];
  const status = places.status(name);
  // A status of another host is that of an earlier container of the same name.
  if (status?.host !== container.host) return [];
  return [status.address, status.ipv6Address].flatMap((address) => address ?? []);
}
