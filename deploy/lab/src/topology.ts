import { DEFAULT_SETTINGS } from '@causeway/shared/model/settings';

/** One machine of the lab: its own network, mount and host name. */
export interface Member {
  readonly name: string;
  readonly kind: 'host' | 'client' | 'router' | 'internet';
  /** On its first link, eth0. */
  readonly address: string;
  /** Lines for `ip -batch`, run inside the machine. */
  readonly ip: readonly string[];
  /** Path below /proc/sys → value, set before there are links. */
  readonly sysctls: Readonly<Record<string, string>>;
}

export const ROUTER = '192.168.122.1';
export const CLIENT = '192.168.122.200';
export const INTERNET = '203.0.113.8';
/** Where everybody's first VIPs lie (2.2.2.2): the client is routed to them through host-1. */
export const EXAMPLE_VIPS = '2.2.2.0/24';

/** The bridges of the outer network namespace: the hosts' switch, and the wire between router and internet. */
export const SWITCH = 'lan0';
export const WIRE = 'wan0';

/** @param index from 1 */
export function hostName(index: number): string {
  return `host-${index}`;
}

/** @param index from 1 */
export function hostAddress(index: number): string {
  return `192.168.122.${10 + index}`;
}

/**
 * The machines: N hosts and a client on one switch, a router on it too, and an "internet" host behind the router.
 * Nobody but the hosts knows the containers' network, so a container's packet that leaves it unmasqueraded gets no
 * answer. The client is routed to services through host-1, as a company's router would do it.
 */
export function members(hosts: number): Member[] {
  const all: Member[] = [];
  for (let index = 1; index <= hosts; index++) all.push(host(index));
  const client: Member = {
    name: 'client',
    kind: 'client',
    address: CLIENT,
    ip: [
      ...link('eth0', port('client'), `${CLIENT}/24`),
      `route add default via ${ROUTER}`,
      `route add ${EXAMPLE_VIPS} via ${hostAddress(1)}`,
      `route add ${DEFAULT_SETTINGS.serviceRange} via ${hostAddress(1)}`,
    ],
    sysctls: plain(false),
  };
  const router: Member = {
    name: 'router',
    kind: 'router',
    address: ROUTER,
    ip: [...link('eth0', port('router'), `${ROUTER}/24`), ...link('eth1', 'w-router', '203.0.113.1/24')],
    sysctls: plain(true),
  };
  const internet: Member = {
    name: 'internet',
    kind: 'internet',
    address: INTERNET,
    ip: [...link('eth0', 'w-internet', `${INTERNET}/24`), 'route add default via 203.0.113.1'],
    sysctls: plain(false),
  };
  return [...all, client, router, internet];
}

/** Lines for `ip -batch` in the outer network namespace: two switches and nothing else. */
export function switchLines(): string[] {
  return [
    'link set dev lo up',
    ...[SWITCH, WIRE].flatMap((bridge) => [
      `link add name ${bridge} type bridge forward_delay 0`,
      `link set dev ${bridge} up`,
    ]),
  ];
}

function host(index: number): Member {
  const address = hostAddress(index);
  const name = hostName(index);
  return {
    name,
    kind: 'host',
    address,
    ip: [...link('eth0', port(name), `${address}/24`), `route add default via ${ROUTER}`],
    sysctls: plain(false),
  };
}

function port(member: string): string {
  return `p-${member}`;
}

/** A link whose far end is a port in the outer network namespace, which is that of process 1. */
function link(name: string, farEnd: string, address: string): string[] {
  return [
    `link add name ${name} type veth peer name ${farEnd} netns 1`,
    `address add ${address} broadcast + dev ${name}`,
    `link set dev ${name} up`,
  ];
}

/** What a fresh Debian 12 has, whatever the machine that the lab runs on has made of itself. */
function plain(forward: boolean): Record<string, string> {
  return {
    'net/ipv4/ip_forward': forward ? '1' : '0',
    'net/ipv4/conf/all/rp_filter': '0',
    'net/ipv4/conf/default/rp_filter': '2',
    'net/ipv4/conf/all/accept_redirects': '1',
    'net/ipv4/conf/all/send_redirects': '1',
    'net/ipv4/conf/default/send_redirects': '1',
    'net/ipv4/conf/all/route_localnet': '0',
    'net/ipv4/conf/default/route_localnet': '0',
  };
}
