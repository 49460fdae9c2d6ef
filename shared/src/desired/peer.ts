import { show } from '../errors.ts';
import type { SubnetLease } from '../model/lease.ts';
import {
  type Block,
  blockHasBlock,
  blocksOverlap,
  formatBlock,
  formatIp,
  lastOfBlock,
  parseBlock,
  parseIp,
} from '../net/block.ts';
import { FAMILIES, FAMILY_NAMES, type Family } from '../net/family.ts';
import type { FamilyHere, Here } from './here.ts';
import type { NeighbourIntent, PeerIntent, RouteIntent } from './host.ts';
import { choosePath, type Path } from './path.ts';

/** One other host's subnet in one family, judged by itself, without the others. */
export interface Peer {
  readonly intent: PeerIntent;
  /** Absent: the key holds no subnet. */
  readonly block: Block | undefined;
  /** Sorts as the subnets do: by family and first address; what is none comes last. */
  readonly order: string;
  /** The same of the last address; a subnet whose `order` is not behind it overlaps this one, if it is sorted behind. */
  readonly end: string;
  /** Which of several with one subnet, or with one end of a tunnel, keeps it: the smallest text. */
  readonly rank: string;
  /** With `wanted` only. */
  readonly route: RouteIntent | undefined;
  /** With a path through the tunnel only. */
  readonly neighbour: NeighbourIntent | undefined;
}

/** By lease: how it was judged last. It lives as long as the lease itself. */
const judgements = new WeakMap<SubnetLease, { readonly key: string; readonly peers: readonly Peer[] }>();

/**
 * One peer per family that the network and the lease have; none for this host's own lease.
 *
 * A pure function that remembers: the same lease, which nobody changes, seen from the same place, is the same peers, down
 * to the same routes. The snapshot keeps the objects of what did not change, so that of a thousand leases only a changed
 * one is read.
 */
export function readPeers(lease: SubnetLease, here: Here): readonly Peer[] {
  const last = judgements.get(lease);
  if (last !== undefined && last.key === here.key) return last.peers;
  const peers = isOwn(lease, here) ? [] : FAMILIES.flatMap((family) => readPeer(lease, family, here) ?? []);
  judgements.set(lease, { key: here.key, peers });
  return peers;
}

/** `10.10.3.0/24 of host-3 (192.168.122.13)`, `10.10.3.0/24 of 192.168.122.13` */
export function peerText({ block, intent: { subnet, node, publicIp } }: Peer): string {
  const address = parseIp(publicIp) === undefined ? show(publicIp) : publicIp;
  const known = publicIp === '' ? '' : address;
  const host = node === undefined ? known : `${show(node).slice(1, -1)}${known === '' ? '' : ` (${known})`}`;
  return `${block === undefined ? show(subnet) : subnet}${host === '' ? '' : ` of ${host}`}`;
}

/** With an id, the host's that has it; without, a flannel daemon's, which is known by its address. */
function isOwn(lease: SubnetLease, here: Here): boolean {
  if (lease.node !== undefined) return lease.node.id === here.id;
  return FAMILIES.some((family) => {
    const [own, theirs] = [here.families[family], lease[family]];
    return (
      own?.subnet !== undefined &&
      theirs?.subnet === own.subnet.text &&
      theirs.publicIp === own.link?.publicIp
    );
  });
}

function readPeer(lease: SubnetLease, family: Family, here: Here): Peer | undefined {
  const [theirs, ours] = [lease[family], here.families[family]];
  if (theirs === undefined || ours === undefined) return undefined;
  const parsed = parseBlock(theirs.subnet);
  const block = parsed?.family === family ? parsed : undefined;
  const ip = parseIp(theirs.publicIp ?? '');
  const subnet = block === undefined ? theirs.subnet : formatBlock(block);
  const publicIp = ip === undefined ? (theirs.publicIp ?? '') : formatIp(ip);
  const told = {
    ...{ subnet, family, publicIp },
    ...(lease.node === undefined ? {} : { node: lease.node.name }),
  };
  const { order, end } = extentOf(block, family, subnet);
  const judged = { block, order, end, rank: rankOf(lease, ours, block?.length ?? 0) };
  const path = pathTo(lease, block, ours, here);
  if (path.kind === 'none') {
    const intent: PeerIntent = { ...told, state: 'unreachable', reason: path.reason };
    return { intent, ...judged, route: undefined, neighbour: undefined };
  }
  const intent: PeerIntent = { ...told, state: 'wanted', path: path.kind };
  if (path.kind === 'direct') {
    const route = { destination: subnet, gateway: publicIp, device: here.iface };
    return { intent, ...judged, route, neighbour: undefined };
  }
  const address = subnet.slice(0, subnet.indexOf('/'));
  const device = ours.tunnel?.name ?? '';
  return {
    intent,
    ...judged,
    route: { destination: subnet, gateway: address, device, onlink: true },
    neighbour: { address, mac: path.mac, remote: publicIp },
  };
}

function pathTo(lease: SubnetLease, block: Block | undefined, ours: FamilyHere, here: Here): Path {
  const { family, network, subnet, link } = ours;
  const words = FAMILY_NAMES[family];
  const none = (reason: string): Path => ({ kind: 'none', reason });
  if (block === undefined) return none(`its subnet is no ${words} CIDR`);
  // Anything wider or elsewhere would take traffic that is none of the containers'.
  if (!blockHasBlock(network, block))
    return none(`its subnet lies outside the network ${formatBlock(network)}`);
  if (subnet !== undefined && blocksOverlap(block, subnet.block))
    return none(`its subnet overlaps this host's own, ${subnet.text}`);
  const { publicIp, vtep } = lease[family] ?? {};
  if (publicIp === undefined || publicIp === '') return none(`it has told no ${words} address`);
  const address = parseIp(publicIp);
  if (address?.family !== family) return none(`its address is no ${words} address`);
  if (formatIp(address) === link?.publicIp) return none("its address is this host's own");
  const end = {
    ...{ address, publicIp, backendType: lease.backendType, isOurs: lease.node !== undefined },
    ...(vtep === undefined ? {} : { vtep: { ...vtep, mac: vtep.mac.toLowerCase() } }),
  };
  return choosePath(end, here, ours);
}

/** Fixed width, so that comparing texts compares addresses. Of equal first addresses the wider subnet comes first. */
function extentOf(block: Block | undefined, family: Family, subnet: string): { order: string; end: string } {
  if (block === undefined) return { order: `${family}~${subnet}`, end: '' };
  const text = (value: bigint) => `${family} ${value.toString(16).padStart(32, '0')}`;
  const last = text(lastOfBlock(block).value);
  return { order: `${text(block.base)}/${String(block.length).padStart(3, '0')}`, end: `${last}~` };
}

/**
 * Those of the network's own length come first, so that one wide slip takes no route away; then ours, since a claim in
 * etcd lets only one of them have a subnet; then the narrow. The rest makes the choice the same on every host.
 */
function rankOf(lease: SubnetLease, { family, subnetLen }: FamilyHere, length: number): string {
  const { node, backendType } = lease;
  return JSON.stringify([
    ...[length === subnetLen ? 0 : 1, node === undefined ? 1 : 0, String(128 - length).padStart(3, '0')],
    ...[lease[family], node?.id, node?.name, backendType],
  ]);
}
