import { CausewayError, invalid, show } from '@causeway/shared/errors';
import { DATAPLANES, type Dataplane } from '@causeway/shared/model/dataplane';
import { DEFAULT_SETTINGS } from '@causeway/shared/model/settings';
import { blocksOverlap, formatBlock, parseBlock } from '@causeway/shared/net/block';
import type { Cidr } from '@causeway/shared/net/cidr';
import type { Lab } from './handle.ts';
import { FAR, NEAR, type Shape, STANDARD_MTU, WAN, type Wire } from './topology.ts';

export interface LabOptions {
  /** `lab` when absent. An attached lab whose name is in use takes the next free one: `demo`, `demo-2`, … */
  readonly name?: string;
  /** Number of hosts, 1–100; 3 when absent. */
  readonly hosts?: number;
  /** How many of them, the last ones, are on a second network behind the router; none when absent. */
  readonly far?: number;
  /** Of the hosts' links, 1280–9000 bytes; 1500 when absent. */
  readonly mtu?: number;
  readonly dataplane?: Dataplane;
  /** The containers' IPv4 network, CIDR; 10.10.0.0/16 when absent; `none`: IPv6 only. */
  readonly network?: string;
  /** The containers' IPv6 network, CIDR; absent: IPv4 only. */
  readonly networkIpv6?: string;
  /** How packets come to other hosts; host-gw when absent. */
  readonly backend?: 'host-gw' | 'vxlan';
  /** vxlan: peers on the same link get a plain route. */
  readonly directRouting?: boolean;
  /** host-gw: the backend for peers that are not on the same link; absent: they are not reached. */
  readonly fallback?: 'vxlan';
  /** `attached` (default): dies with this process, however it dies. `detached`: stays until `down`. */
  readonly lifetime?: 'attached' | 'detached';
  /**
   * Who runs etcd: the controller (default), the lab beside it, three machines of their own, a member on each, or
   * whoever calls (`provided`), on the machine `etcd-1`.
   */
  readonly etcd?: 'embedded' | 'external' | 'cluster' | 'provided';
  /** Starts the members (PROVIDED_ETCD) of an etcd that is `provided`, before anything else of the lab. */
  readonly provideEtcd?: (lab: Lab) => Promise<void>;
  /** Only machines and wires: no etcd, controller, agents or containers. */
  readonly bare?: boolean;
  /** How far the start goes: `controller` leaves out agents and containers. */
  readonly until?: 'controller' | 'containers';
  /** More flags of the controller, and of the agents by host (`all`: of every host). */
  readonly controllerFlags?: readonly string[];
  readonly agentFlags?: Readonly<Record<string, readonly string[]>>;
  /** Told in one line each what has been done, with the time since the start. */
  readonly progress?: (line: string) => void;
}

type Optional = 'networkIpv6' | 'fallback' | 'provideEtcd';
export type LabSettings = Required<Omit<LabOptions, Optional>> & Pick<LabOptions, Optional>;
/** What of it a lab keeps as long as it is up. */
export type ClusterSettings = Omit<LabSettings, 'name' | 'lifetime' | 'progress' | 'until' | 'provideEtcd'>;

export const MAX_HOSTS = 100;
/** Links have addresses of IPv6 too, whose smallest this is (RFC 8200). */
const LEAST_MTU = 1_280;

/**
 * Completes and checks what the user asked for.
 *
 * @throws CausewayError `invalid` naming the option and its value
 */
export function checkOptions(options: LabOptions): LabSettings {
  const settings: LabSettings = { ...DEFAULTS, ...options };
  const { hosts, far, mtu, dataplane, backend } = settings;
  checkName(settings.name);
  whole('hosts', hosts, 1, MAX_HOSTS);
  // The first one is the controller's, and the client's way to the services.
  whole('far', far, 0, hosts - 1);
  whole('mtu', mtu, LEAST_MTU, 9_000);
  if (!DATAPLANES.includes(dataplane))
    throw invalid('dataplane', dataplane, `is none of ${DATAPLANES.join(', ')}`);
  if (backend === 'host-gw' && settings.directRouting)
    throw invalid('direct-routing', true, 'goes with vxlan: host-gw routes directly anyway');
  if (backend === 'vxlan' && settings.fallback !== undefined)
    throw invalid('fallback', settings.fallback, 'goes with host-gw: vxlan reaches everybody');
  const network = settings.network === 'none' ? 'none' : checkNetwork(settings.network, hosts);
  if (settings.networkIpv6 !== undefined)
    return { ...settings, network, networkIpv6: checkNetworkIpv6(settings.networkIpv6) };
  if (network === 'none')
    throw invalid('network', 'none', 'leaves containers without addresses: name an IPv6 network');
  return { ...settings, network };
}

const DEFAULTS: LabSettings = {
  name: 'lab',
  hosts: 3,
  far: 0,
  mtu: STANDARD_MTU,
  dataplane: 'nftables',
  network: '10.10.0.0/16',
  backend: 'host-gw',
  directRouting: false,
  lifetime: 'attached',
  etcd: 'embedded',
  bare: false,
  until: 'containers',
  controllerFlags: [],
  agentFlags: {},
  progress: () => undefined,
};

export function shapeOf({ hosts, far, mtu, etcd }: ClusterSettings): Shape {
  return { hosts, far, mtu, etcdMembers: { embedded: 0, external: 0, cluster: 3, provided: 1 }[etcd] };
}

/** @throws CausewayError `invalid` when `name` cannot be a lab's name (a directory's, and part of a socket's path) */
export function checkName(name: string): void {
  if (!/^[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?$/.test(name))
    throw invalid('name', name, 'is not made of at most 30 lower-case letters, digits and inner hyphens');
}

/**
 * How many hosts find a subnet in a network, by flannel's rule: a /24 each, a quarter of the network each when it
 * is smaller than a /22, and the first subnet stays unused.
 */
export function subnetsIn(network: Pick<Cidr, 'length'>): number {
  const subnetLength = network.length <= 22 ? 24 : network.length + 2;
  return 2 ** (subnetLength - network.length) - 1;
}

/** What the lab uses itself, and what for. */
const TAKEN: Readonly<Record<string, string>> = {
  [networkOf(NEAR)]: "the hosts' network",
  [networkOf(FAR)]: 'the network of the hosts behind the router',
  [networkOf(WAN)]: 'the internet',
  '127.0.0.0/8': 'the loopback',
  [DEFAULT_SETTINGS.serviceRange]: 'the services',
};
const TAKEN_IPV6: Readonly<Record<string, string>> = {
  [`${NEAR.ipv6}:/64`]: "the hosts' network",
  [`${FAR.ipv6}:/64`]: 'the network of the hosts behind the router',
  [`${WAN.ipv6}:/64`]: 'the internet',
  'fe80::/10': "for links' own addresses",
};

function networkOf({ ipv4 }: Wire): string {
  return `${ipv4}.0/24`;
}

function checkNetwork(text: string, hosts: number): string {
  const network = parseBlock(text);
  if (network?.family !== 'ipv4') throw invalid('network', text, 'is no IPv4 network like 10.10.0.0/16');
  if (network.length < 8) throw invalid('network', text, 'is larger than a /8');
  // A /27 gives each host a /29, room for the bridge and five containers.
  if (network.length > 27) throw invalid('network', text, 'is too small: the smallest that works is a /27');
  const fit = subnetsIn(network);
  if (fit < hosts)
    throw invalid('network', text, `is too small for ${hosts} hosts: it has subnets for ${fit}`);
  checkFree('network', text, TAKEN);
  return formatBlock(network);
}

function checkNetworkIpv6(text: string): string {
  const network = parseBlock(text);
  if (network?.family !== 'ipv6') throw invalid('network-ipv6', text, 'is no IPv6 network like fd00:10::/48');
  // Each host has a /64 of its own.
  if (network.length > 56)
    throw invalid('network-ipv6', text, 'is too small: the smallest that works is a /56');
  checkFree('network-ipv6', text, TAKEN_IPV6);
  return formatBlock(network);
}

function checkFree(field: string, text: string, taken: Readonly<Record<string, string>>): void {
  const network = parseBlock(text);
  for (const [cidr, whose] of Object.entries(taken)) {
    const other = parseBlock(cidr);
    if (network !== undefined && other !== undefined && blocksOverlap(network, other))
      throw invalid(field, text, `overlaps ${cidr}, which is ${whose} in the lab`);
  }
}

function whole(field: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw invalid(field, value, `is no whole number from ${min} to ${max}`);
}

/** @throws CausewayError `invalid` unless `member` is one of the lab's machines */
export function checkMember(member: string, members: readonly string[]): void {
  if (members.includes(member)) return;
  const problem = `host ${show(member)} is none of the lab's: ${members.join(', ')}`;
  throw new CausewayError('invalid', problem, { field: 'host', value: member });
}
