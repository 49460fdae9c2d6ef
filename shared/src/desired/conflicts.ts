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
  for (const group of overlapping(wanted)) resolve(group, subnetTaken, losers);
  for (const group of sharingMac(wanted, losers)) resolve(group, macTaken, losers);
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

type Conflict = (peer: Peer, other: Peer) => string | undefined;

function resolve(group: readonly Peer[], conflict: Conflict, losers: Map<Peer, string>): void {
  const kept: Peer[] = [];
  for (const peer of [...group].sort((a, b) => (a.rank < b.rank ? -1 : Number(a.rank > b.rank)))) {
    const reason = kept.map((one) => conflict(peer, one)).find((text) => text !== undefined);
    if (reason === undefined) kept.push(peer);
    else losers.set(peer, reason);
  }
}

function subnetTaken(peer: Peer, other: Peer): string | undefined {
  if (peer.block === undefined || other.block === undefined || !blocksOverlap(peer.block, other.block))
    return undefined;
  return `its subnet overlaps ${peerText(other)}, which keeps it`;
}

/** Two subnets of one and the same host share the end of its tunnel in peace. */
function macTaken(peer: Peer, other: Peer): string | undefined {
  if (peer.neighbour?.remote === other.neighbour?.remote) return undefined;
  return `the link-layer address ${peer.neighbour?.mac} of its tunnel is also that of ${peerText(other)}, which keeps it`;
}
