import { show } from '../errors.ts';
import type { Backend } from '../model/network.ts';
import { blockHasIp, formatBlock, type Ip, parseBlock } from '../net/block.ts';
import { FAMILY_NAMES } from '../net/family.ts';
import type { FamilyHere, Here } from './here.ts';

/** What decides how packets come to a peer, in one family. */
export interface PeerEnd {
  readonly address: Ip;
  readonly publicIp: string;
  /** flannel's word: `host-gw`, `vxlan`… */
  readonly backendType: string;
  /** One of ours: it takes what comes by a plain route, whatever its backend. */
  readonly isOurs: boolean;
  readonly vtep?: { readonly vni: number; readonly mac: string };
}

/** The way to a peer, or why there is none: a sentence's end. */
export type Path =
  | { readonly kind: 'direct' }
  | { readonly kind: 'tunnel'; readonly mac: string }
  | { readonly kind: 'none'; readonly reason: string };

const SPOKEN: readonly string[] = ['host-gw', 'vxlan'];
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/**
 * The way to a peer: a plain route where the backend wants one and the peer is on this host's link; else the tunnel; else,
 * to a peer of ours on the same link, a plain route all the same, so that traffic goes on while hosts change from one
 * backend to the other one by one.
 */
export function choosePath(peer: PeerEnd, { backend, iface }: Here, here: FamilyHere): Path {
  const { link } = here;
  const words = FAMILY_NAMES[here.family];
  if (link === undefined) return none(`this host's link ${iface} has no ${words} address`);
  const stranger = strangerFault(peer, backend);
  if (stranger !== undefined) return none(stranger);
  if (isNoHost(peer.address)) return none(`its address ${peer.publicIp} is none of a host`);
  if (blockHasIp(here.network, peer.address))
    return none(`its address ${peer.publicIp} lies in the container network itself`);
  const near = blockHasIp(link.block, peer.address);
  if (near && backend.direct) return { kind: 'direct' };
  const obstacle = tunnelFault(peer, here);
  if (obstacle === undefined) return { kind: 'tunnel', mac: peer.vtep?.mac ?? '' };
  if (near && peer.isOurs) return { kind: 'direct' };
  return none(
    near ? obstacle : `its address lies outside ${formatBlock(link.block)} of ${iface}, and ${obstacle}`,
  );
}

/** flannel reaches only those that speak its own backend; an answer would not come. */
function strangerFault({ backendType, isOurs }: PeerEnd, backend: Backend): string | undefined {
  if (!SPOKEN.includes(backendType))
    return `its backend is ${show(backendType)}, and only host-gw and vxlan are spoken here`;
  if (isOurs || backendType === backend.type) return undefined;
  return `its backend is ${show(backendType)}, and this network's is ${show(backend.type)}`;
}

/** Unspecified, loopback, IPv4 in the words of IPv6, and what many or nobody listens to. */
const NO_HOSTS = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3', '::/8', 'ff00::/8'].flatMap(
  (text) => parseBlock(text) ?? [],
);

function isNoHost(address: Ip): boolean {
  return NO_HOSTS.some((block) => blockHasIp(block, address));
}

function tunnelFault({ vtep }: PeerEnd, { tunnel }: FamilyHere): string | undefined {
  if (tunnel === undefined) return 'host-gw leads no further';
  if (vtep === undefined) return 'it has told no end of a tunnel';
  if (vtep.vni !== tunnel.vni)
    return `its tunnels are in VXLAN network ${vtep.vni}, this host's in ${tunnel.vni}`;
  // Texts from etcd that reach a command; and a group's address, or our own, would take other peers' packets.
  if (!MAC.test(vtep.mac) || Number.parseInt(vtep.mac.slice(0, 2), 16) % 2 === 1 || /^[0:]+$/.test(vtep.mac))
    return `the link-layer address ${show(vtep.mac)} of its tunnel is none of a host`;
  if (vtep.mac === tunnel.mac) return `the link-layer address ${vtep.mac} of its tunnel is this host's own`;
  return undefined;
}

function none(reason: string): Path {
  return { kind: 'none', reason };
}
