import type { Kernel, Signal } from '../../node-agent/src/kernel/kernel.ts';
import type { FirewallTool } from '../../node-agent/src/plan/observed.ts';
import { FakeIptables } from './fake-iptables.ts';
import { FakeKernel } from './fake-kernel.ts';
import { connectedRoute } from './fake-network.ts';
import { FakeNft } from './fake-nft.ts';
import { openRealKernel } from './real-kernel.ts';

export interface OthersRoute {
  readonly destination: string;
  /** Absent: a black hole. */
  readonly gateway?: string;
  readonly protocol?: number;
  readonly metric?: number;
}

/** A host with eth0 192.168.122.11/24 and a default route, and somebody else who has his hands in it too. */
export interface World {
  readonly kernel: Kernel;
  addRoute(route: OthersRoute): Promise<void>;
  deleteRoute(destination: string): Promise<void>;
  deleteLink(link: string): Promise<void>;
  linkDown(link: string): Promise<void>;
  addAddress(link: string, address: string): Promise<void>;
  setSysctl(path: string, value: string): Promise<void>;
  sysctl(path: string): Promise<string>;
  /** Throws away all rules of a tool. */
  flush(tool: FirewallTool): Promise<void>;
  /** Everything that can be told apart, as text. */
  state(): Promise<string>;
  close(): Promise<void>;
}

export function openFakeWorld(): World {
  const kernel = new FakeKernel();
  kernel.links.set('eth0', { type: 'physical', mtu: 1500, up: true, addresses: ['192.168.122.11/24'] });
  kernel.routes.push(connectedRoute('192.168.122.0/24', 'eth0'), {
    ...connectedRoute('0.0.0.0/0', 'eth0'),
    gateway: '192.168.122.1',
    protocol: 3,
  });
  for (const path of ['net/ipv4/ip_forward', 'net/ipv4/conf/eth0/send_redirects'])
    kernel.sysctls.set(path, '0');
  const does = async (signal: Signal, change: () => void) => kernel.disturb(signal, change);
  return {
    kernel,
    addRoute: ({ destination, gateway, protocol = 3, metric = 0 }) =>
      does('network', () => {
        const leads =
          gateway === undefined ? { type: 'blackhole' } : { type: 'unicast', gateway, device: 'eth0' };
        kernel.routes.push({ destination, ...leads, protocol, metric });
      }),
    deleteRoute: (destination) =>
      does('network', () => {
        kernel.routes = kernel.routes.filter((route) => route.destination !== destination);
      }),
    deleteLink: (link) => does('network', () => kernel.ip({ kind: 'link-delete', link, text: '' })),
    linkDown: (link) => does('network', () => kernel.linkDown(link)),
    addAddress: (link, address) =>
      does('network', () => kernel.ip({ kind: 'address-add', link, address, text: '' })),
    setSysctl: async (path, value) => void kernel.sysctls.set(path, value),
    sysctl: async (path) => kernel.sysctls.get(path) ?? '',
    flush: (tool) =>
      does('firewall', () => {
        if (tool === 'nft') kernel.firewalls.nft = new FakeNft();
        else kernel.firewalls[tool] = new FakeIptables();
      }),
    state: async () => {
      const { links, routes, sysctls, firewalls } = kernel;
      const listings = Object.values(firewalls).map((firewall) => firewall.list());
      return JSON.stringify([[...links], routes, [...sysctls], listings], null, 1);
    },
    close: async () => undefined,
  };
}

const STATE = `
ip -o address | sed 's/ *valid_lft.*//; /inet6/d'
ip -4 route show table all | sed 's/ linkdown//' | sort
nft list ruleset
for table in nat filter; do iptables-legacy-save -t $table; done | sed '/^#/d; s/\\[[0-9]*:[0-9]*\\]//'
sysctl -a 2>/dev/null | grep '^net\\.\\(ipv4\\|bridge\\)' | grep -v 'nf_conntrack\\|_mem\\|\\.neigh\\.'
`;

export async function openRealWorld(driver: string): Promise<World> {
  const kernel = await openRealKernel(driver);
  const does = async (script: string) => void (await kernel.sh(script));
  // A world that is asked for legacy rules later has its tables from the start.
  await does('for table in nat filter; do iptables-legacy -t $table -S >/dev/null; done');
  return {
    kernel,
    addRoute: ({ destination, gateway, protocol = 3, metric }) => {
      const leads =
        gateway === undefined ? `blackhole ${destination}` : `${destination} via ${gateway} dev eth0`;
      return does(
        `ip route add ${leads} proto ${protocol}${metric === undefined ? '' : ` metric ${metric}`}`,
      );
    },
    deleteRoute: (destination) => does(`ip route delete ${destination}`),
    deleteLink: (link) => does(`ip link delete ${link}`),
    linkDown: (link) => does(`ip link set ${link} down`),
    addAddress: (link, address) => does(`ip address add ${address} dev ${link}`),
    setSysctl: (path, value) => does(`echo ${value} > /proc/sys/${path}`),
    sysctl: async (path) => (await kernel.sh(`cat /proc/sys/${path}`)).trim(),
    flush: (tool) =>
      does(
        tool === 'nft'
          ? 'nft delete table ip causeway'
          : `for table in nat filter; do ${tool} -t $table -F; ${tool} -t $table -X; done`,
      ),
    state: () => kernel.sh(STATE),
    close: () => kernel.close(),
  };
}
