import { blocksOverlap } from '../net/block.ts';
import { type Peer, peerText } from './peer.ts';

/**
 * What peers take from each other: a subnet that is part of another's, or the link-layer address of another's tunnel.
 * One of them keeps it, the same on every host; the others get no route, so that none of its packets goes astray.
 *
 * @param peers sorted by subnet
 * @returns by peer that loses, why; a sentence's end
 */
export function findConflicts(peers: readonly Peer[]): ReadonlyMap<Peer, string> {
  const losers = new Map<Peer, string>();
  const wanted = peers.filter(({ route }) => route !== undefined);
  for (const group of overlapping(wanted)) keepApart(byRank(group), losers);
  for (const group of sharingMac(wanted, losers)) keepFirstHost(byRank(group), losers);
  return losers;
}

/** Groups of two and more that follow each other without a gap. */
function overlapping(sorted: readonly Peer[]): readonly Peer[][] {
  const groups: Peer[][] = [];
  let group: Peer[] = [];
  for (const peer of sorted) {
    // Subnets lie inside each other or apart: whoever overlaps any of the group overlaps its first, the widest.
    const first = group[0];
    if (first !== undefined && peer.order <= first.end) group.push(peer);
    else {
      if (group.length > 1) groups.push(group);
      group = [peer];
    }
  }
  return group.length > 1 ? [...groups, group] : groups;
}

function byRank(group: readonly Peer[]): readonly Peer[] {
  return [...group].sort((a, b) => (a.rank < b.rank ? -1 : Number(a.rank > b.rank)));
}

/** Each is kept that overlaps none that was kept before it. */
function keepApart(ranked: readonly Peer[], losers: Map<Peer, string>): void {
  const kept = new Map<string, Peer>();
  const lengths = new Set<number | undefined>();
  for (const peer of ranked) {
    // Subnets of one length are the same or apart, so one slip over a thousand of them costs no million comparisons.
    const isAlone = lengths.size === 0 || (lengths.size === 1 && lengths.has(peer.block?.length));
    const other = kept.get(peer.order) ?? (isAlone ? undefined : overlappedBy(peer, [...kept.values()]));
    if (other === undefined) {
      kept.set(peer.order, peer);
      lengths.add(peer.block?.length);
    } else losers.set(peer, `its subnet overlaps ${peerText(other)}, which keeps it`);
  }
}

function overlappedBy({ block }: Peer, kept: readonly Peer[]): Peer | undefined {
  return kept.find(
    (one) => block !== undefined && one.block !== undefined && blocksOverlap(block, one.block),
  );
}

function sharingMac(peers: readonly Peer[], losers: ReadonlyMap<Peer, string>): readonly Peer[][] {
  const groups = new Map<string, Peer[]>();
  for (const peer of peers) {
    if (peer.neighbour === undefined || losers.has(peer)) continue;
    const key = `${peer.neighbour.mac} ${peer.intent.family}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [peer]);
    else group.push(peer);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** Two subnets of one and the same host share the end of its tunnel in peace. */
function keepFirstHost([first, ...others]: readonly Peer[], losers: Map<Peer, string>): void {
  if (first?.neighbour === undefined) return;
  const { mac, remote } = first.neighbour;
  const reason = `the link-layer address ${mac} of its tunnel is also that of ${peerText(first)}, which keeps it`;
  for (const peer of others) if (peer.neighbour?.remote !== remote) losers.set(peer, reason);
}
