import type { SubnetLease } from '../model/lease.ts';
import { findConflicts } from './conflicts.ts';
import type { Here } from './here.ts';
import { type Peer, peerText, readPeers } from './peer.ts';

export interface Peers {
  /** Every other host's subnet, one per family, sorted. */
  readonly all: readonly Peer[];
  /** Sentences about those that cannot be reached, and about those that others get in the way of. */
  readonly problems: readonly string[];
}

/** Peers that are told of one by one; every one of them is in the report anyway. */
const MOST_TOLD = 20;

/** Every other host's subnet and the way to it. No lease takes away what another has. */
export function peersOf(leases: readonly SubnetLease[], here: Here): Peers {
  const sorted: Peer[] = [];
  for (const lease of leases) sorted.push(...readPeers(lease, here));
  sorted.sort(bySubnet);
  const losers = findConflicts(sorted);
  const all = losers.size === 0 ? sorted : sorted.map((peer) => without(peer, losers.get(peer)));
  const away = all.filter(({ route }) => route === undefined);
  const problems = away
    .slice(0, MOST_TOLD)
    .map((peer) => `no route to subnet ${peerText(peer)}: ${peer.intent.reason}`);
  const more = away.length - problems.length;
  return { all, problems: more > 0 ? [...problems, `no route to ${more} more peers`] : problems };
}

function bySubnet(a: Peer, b: Peer): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  return a.rank < b.rank ? -1 : Number(a.rank > b.rank);
}

function without(peer: Peer, reason: string | undefined): Peer {
  if (reason === undefined) return peer;
  const { path, ...intent } = peer.intent;
  const unreachable = { ...intent, state: 'unreachable', reason } as const;
  return { ...peer, intent: unreachable, route: undefined, neighbour: undefined };
}
