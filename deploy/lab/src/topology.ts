import { DEFAULT_SETTINGS } from '@causeway/shared/model/settings';

/** One machine of the lab: its own network, mount and host name. */
export interface Member {
  readonly name: string;
  readonly kind: 'host' | 'client' | 'router' | 'internet' | 'etcd';
  /** On its first link, eth0. */
  readonly address: string;
  readonly ipv6Address: string;
  /** Lines for `ip -batch`, run inside the machine. */
  readonly ip: readonly string[];
  /** Path below /proc/sys → value, set before there are links. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** What decides which machines there are, and on which wires. */
export interface Shape {
  readonly hosts: number;
  /** So many of them, the last ones, are on a second network behind the router. */
  readonly far: number;
  /** Of every link to a switch of the hosts, bytes. */
  readonly mtu: number;
  /** Machines `etcd-1`… of their own, which run etcd and nothing else. */
  readonly etcdMembers: number;
}

/** A network of the lab: its bridge in the outer network namespace, and its addresses but for the last part. */
export interface Wire {
  readonly bridge: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The hosts' network, the one of the hosts that are further away, and the "internet" (RFC 5737, RFC 3849). */
export const NEAR: Wire = { bridge: 'lan0', ipv4: '192.168.122', ipv6: 'fd00:122:' };
export const FAR: Wire = { bridge: 'lan1', ipv4: '192.168.123', ipv6: 'fd00:123:' };
export const WAN: Wire = { bridge: 'wan0', ipv4: '203.0.113', ipv6: '2001:db8:113:' };
const WIRES = [NEAR, FAR, WAN];

export const ROUTER = '192.168.122.1';
export const CLIENT = '192.168.122.200';
export const INTERNET = '203.0.113.8';
/** Where everybody's first VIPs lie (2.2.2.2, 2001:db8:2::2): the client is routed to them through host-1. */
const EXAMPLE_VIPS = { ipv4: '2.2.2.0/24', ipv6: '2001:db8:2::/64' };
/** Last part of the address of the machine of the first etcd member; the others follow. */
const FIRST_ETCD = 241;

/** @param index from 1 */
export function hostName(index: number): string {
  return `host-${index}`;
}

/** The names of the machines that run nothing but etcd. */
export function etcdNames({ etcdMembers }: Pick<Shape, 'etcdMembers'>): string[] {
  return Array.from({ length: etcdMembers }, (_, index) => `etcd-${index + 1}`);
}

/**
 * The machines: N hosts and a client on one switch, a router on it too, and an "internet" host behind the router.
 * Nobody but the hosts knows the containers' network, so a container's packet that leaves it unmasqueraded gets no
 * answer. The client is routed to services through host-1, as a company's router would do it. All of them have
 * addresses of both families, the last part the same: 192.168.122.11 and fd00:122::11.
 */
export function members(shape: Shape): Member[] {
  const { hosts, far, mtu } = shape;
  const all = Array.from({ length: hosts }, (_, index) =>
    machine('host', hostName(index + 1), index < hosts - far ? NEAR : FAR, 11 + index, mtu),
  );
  const client = machine('client', 'client', NEAR, 200, mtu);
  const { serviceRange, serviceRangeIpv6 = [] } = DEFAULT_SETTINGS;
  const viaFirst = [
    ...[EXAMPLE_VIPS.ipv4, serviceRange].map((range) => `route add ${range} via ${all[0]?.address}`),
    ...[EXAMPLE_VIPS.ipv6, serviceRangeIpv6]
      .flat()
      .map((range) => `route add ${range} via ${all[0]?.ipv6Address}`),
  ];
  const etcds = etcdNames(shape).map((name, index) => machine('etcd', name, NEAR, FIRST_ETCD + index, mtu));
  const internet = machine('internet', 'internet', WAN, 8, STANDARD_MTU);
  return [...all, { ...client, ip: [...client.ip, ...viaFirst] }, router(shape), internet, ...etcds];
}

/** Lines for `ip -batch` in the outer network namespace: the switches and nothing else. */
export function switchLines(): string[] {
  return [
    'link set dev lo up',
    ...WIRES.flatMap(({ bridge }) => [
      `link add name ${bridge} type bridge forward_delay 0`,
      `link set dev ${bridge} up`,
    ]),
  ];
}

/** The bridge that the far end of a machine's link belongs to. */
export function bridgeOf(port: string): string {
  return WIRES.find((wire) => port.startsWith(PORT_PREFIXES[wire.bridge] ?? '-'))?.bridge ?? NEAR.bridge;
}

export const STANDARD_MTU = 1_500;
/** How the far end of a link tells its switch. */
const PORT_PREFIXES: Readonly<Record<string, string>> = { lan0: 'p-', lan1: 'q-', wan0: 'w-' };

function machine(kind: Member['kind'], name: string, wire: Wire, last: number, mtu: number): Member {
  return {
    ...{ name, kind, address: `${wire.ipv4}.${last}`, ipv6Address: `${wire.ipv6}:${last}` },
    ip: [
      ...link('eth0', name, wire, last, mtu),
      `route add default via ${wire.ipv4}.1`,
      `route add default via ${wire.ipv6}:1`,
    ],
    sysctls: plain(false),
  };
}

function router({ mtu }: Shape): Member {
  return {
    ...{ name: 'router', kind: 'router', address: ROUTER, ipv6Address: `${NEAR.ipv6}:1` },
    ip: [
      ...link('eth0', 'router', NEAR, 1, mtu),
      ...link('eth1', 'router', WAN, 1, STANDARD_MTU),
      ...link('eth2', 'router', FAR, 1, mtu),
    ],
    sysctls: plain(true),
  };
}

/** A link whose far end is a port in the outer network namespace, which is that of process 1. */
function link(name: string, member: string, wire: Wire, last: number, mtu: number): string[] {
  const port = `${PORT_PREFIXES[wire.bridge]}${member}`;
  return [
    `link add name ${name} mtu ${mtu} type veth peer name ${port} mtu ${mtu} netns 1`,
    `address add ${wire.ipv4}.${last}/24 broadcast + dev ${name}`,
    `address add ${wire.ipv6}:${last}/64 dev ${name}`,
    `link set dev ${name} up`,
  ];
}

/** What a fresh Debian 12 has, whatever the machine that the lab runs on has made of itself. */
function plain(forward: boolean): Record<string, string> {
  return {
    'net/ipv4/ip_forward': forward ? '1' : '0',
    'net/ipv6/conf/all/forwarding': forward ? '1' : '0',
    'net/ipv6/conf/all/disable_ipv6': '0',
    'net/ipv6/conf/default/disable_ipv6': '0',
    'net/ipv4/conf/all/rp_filter': '0',
    'net/ipv4/conf/default/rp_filter': '2',
    'net/ipv4/conf/all/accept_redirects': '1',
    'net/ipv4/conf/all/send_redirects': '1',
    'net/ipv4/conf/default/send_redirects': '1',
    'net/ipv4/conf/all/route_localnet': '0',
    'net/ipv4/conf/default/route_localnet': '0',
  };
}
