import { invalid, show } from '../errors.ts';
import type { HostFacts } from '../model/host-facts.ts';
import type { SubnetLease } from '../model/lease.ts';
import type { NetworkConfig } from '../model/network.ts';
import {
  type Cidr,
  containsAddress,
  containsCidr,
  formatCidr,
  overlaps,
  parseAddress,
  parseCidr,
} from '../net/cidr.ts';
import type { PeerIntent, RouteIntent } from './host.ts';

export interface PeerRoutes {
  readonly routes: readonly RouteIntent[];
  readonly peers: readonly PeerIntent[];
  readonly problems: readonly string[];
}

/** One route per peer that the hosts' own link reaches: its subnet by way of its address (flannel's host-gw). */
export function peerRoutes(
  leases: readonly SubnetLease[],
  config: NetworkConfig,
  facts: HostFacts,
  ownSubnet: string,
): PeerRoutes {
  const here = readHere(config, facts, ownSubnet);
  const peers = leases
    .filter((lease) => !isOwn(lease, here, facts))
    .map((lease) => peerOf(lease, here, facts))
    .sort((a, b) => compareSubnets(a.subnet, b.subnet));
  return {
    peers,
    routes: peers
      .filter((peer) => peer.state === 'wanted')
      .map((peer) => ({ destination: peer.subnet, gateway: peer.publicIp, device: facts.iface })),
    problems: peers
      .filter((peer) => peer.state === 'unreachable')
      .map((peer) => `no route to subnet ${show(peer.subnet)} of ${show(peer.publicIp)}: ${peer.reason}`),
  };
}

interface Here {
  readonly network: Cidr;
  readonly subnet: Cidr;
  readonly link: Cidr | undefined;
}

function readHere(config: NetworkConfig, facts: HostFacts, ownSubnet: string): Here {
  const network = parseCidr(config.network);
  if (network === undefined) throw invalid('network', config.network, 'is no IPv4 CIDR');
  const subnet = parseCidr(ownSubnet);
  if (subnet === undefined) throw invalid('subnet', ownSubnet, 'is no IPv4 CIDR');
  return { network, subnet, link: parseCidr(facts.ifaceSubnet) };
}

function isOwn(lease: SubnetLease, here: Here, facts: HostFacts): boolean {
  return lease.node?.id === facts.id || lease.subnet === formatCidr(here.subnet);
}

function peerOf(lease: SubnetLease, here: Here, facts: HostFacts): PeerIntent {
  const { publicIp } = lease;
  const subnet = parseCidr(lease.subnet);
  const reason = obstacle(lease, subnet, here, facts);
  if (reason !== undefined || subnet === undefined)
    return { subnet: lease.subnet, publicIp, state: 'unreachable', reason: reason ?? 'is no IPv4 CIDR' };
  return { subnet: formatCidr(subnet), publicIp, state: 'wanted' };
}

/** Why no route can lead to the peer; a sentence's end. */
function obstacle(
  lease: SubnetLease,
  subnet: Cidr | undefined,
  here: Here,
  facts: HostFacts,
): string | undefined {
  if (subnet === undefined) return 'its subnet is no IPv4 CIDR';
  // Anything wider or elsewhere would take traffic that is none of the containers'.
  if (!containsCidr(here.network, subnet))
    return `its subnet lies outside the network ${formatCidr(here.network)}`;
  if (overlaps(subnet, here.subnet)) return `its subnet overlaps this host's own, ${formatCidr(here.subnet)}`;
  if (lease.backendType !== 'host-gw')
    return `its backend is ${show(lease.backendType)}, and only host-gw is spoken here`;
  const address = parseAddress(lease.publicIp);
  if (address === undefined) return 'its address is no IPv4 address';
  if (lease.publicIp === facts.publicIp) return "its address is this host's own";
  if (here.link === undefined || !containsAddress(here.link, address))
    return `its address lies outside ${facts.ifaceSubnet} of ${facts.iface}, so host-gw cannot reach it`;
  return undefined;
}

/** By address, then by length; what is no CIDR comes last, by its text. */
function compareSubnets(a: string, b: string): number {
  const x = parseCidr(a);
  const y = parseCidr(b);
  if (x !== undefined && y !== undefined) return x.base - y.base || x.length - y.length;
  if (x === undefined && y === undefined) return a < b ? -1 : Number(a > b);
  return x === undefined ? 1 : -1;
}
