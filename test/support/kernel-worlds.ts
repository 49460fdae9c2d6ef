import type { Kernel, Signal } from '../../node-agent/src/kernel/kernel.ts';
import type { FirewallTool } from '../../node-agent/src/plan/observed.ts';
import type { TunnelDevice } from '../../node-agent/src/plan/step.ts';
import { FAMILIES } from '../../shared/src/net/family.ts';
import { FakeIptables } from './fake-iptables.ts';
import { FakeKernel } from './fake-kernel.ts';
import { FakeNft } from './fake-nft.ts';
import { connectedRoute, isV6 } from './fake-routes.ts';
import { openRealKernel } from './real-kernel.ts';

export interface OthersRoute {
  readonly destination: string;
  /** Absent: a black hole. */
  readonly gateway?: string;
  readonly protocol?: number;
  readonly metric?: number;
}

/** A host with eth0 192.168.122.11/24 and fd00:122::11/64 and default routes, and somebody else who has his hands in it. */
export interface World {
  readonly kernel: Kernel;
  addRoute(route: OthersRoute): Promise<void>;
  deleteRoute(destination: string): Promise<void>;
  deleteLink(link: string): Promise<void>;
  linkDown(link: string): Promise<void>;
  /** Down and up again; what configured the link gives back its addresses. */
  flap(link: string): Promise<void>;
  addAddress(link: string, address: string): Promise<void>;
  deleteAddress(link: string, address: string): Promise<void>;
  setMtu(link: string, mtu: number): Promise<void>;
  setMac(link: string, mac: string): Promise<void>;
  /** Makes a tunnel device, or changes what can be changed of one that is there. */
  addTunnel(tunnel: TunnelDevice): Promise<void>;
  setTunnel(tunnel: TunnelDevice): Promise<void>;
  setNeighbour(link: string, address: string, mac: string): Promise<void>;
  deleteNeighbour(link: string, address: string): Promise<void>;
  setForwarding(link: string, mac: string, remote: string): Promise<void>;
  deleteForwarding(link: string, mac: string): Promise<void>;
  setSysctl(path: string, value: string): Promise<void>;
  sysctl(path: string): Promise<string>;
  /** Throws away all rules of a tool. */
  flush(tool: FirewallTool): Promise<void>;
  /** Everything that can be told apart, as text. */
  state(): Promise<string>;
  close(): Promise<void>;
}

const ETH0 = ['192.168.122.11/24', 'fd00:122::11/64'];
const SYSCTLS = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding', 'net/ipv4/conf/eth0/send_redirects'];

function newFakeHost(): FakeKernel {
  const kernel = new FakeKernel();
  kernel.addLink('eth0', { type: 'physical', up: true, addresses: [...ETH0] });
  const gateways = { '0.0.0.0/0': '192.168.122.1', '::/0': 'fd00:122::1' };
  kernel.routes.push(connectedRoute('192.168.122.0/24', 'eth0'), connectedRoute('fd00:122::/64', 'eth0'));
  for (const [destination, gateway] of Object.entries(gateways)) {
    const metric = isV6(destination) ? 1024 : 0;
    kernel.routes.push({ ...connectedRoute(destination, 'eth0'), gateway, protocol: 3, metric });
  }
  for (const path of SYSCTLS) kernel.sysctls.set(path, '0');
  return kernel;
}

export function openFakeWorld(): World {
  const kernel = newFakeHost();
  const does = async (change: () => void, signal: Signal = 'network') => kernel.disturb(signal, change);
  return {
    kernel,
    addRoute: ({ destination, gateway, protocol = 3, metric }) =>
      does(() => {
        const family = isV6(destination) ? 'ipv6' : 'ipv4';
        const hole = family === 'ipv6' ? { device: 'lo' } : {};
        const leads = gateway === undefined ? { type: 'blackhole', ...hole } : { gateway, device: 'eth0' };
        const own = { family, destination, type: 'unicast', ...leads, protocol } as const;
        kernel.routes.push({ ...own, metric: metric ?? (family === 'ipv6' ? 1024 : 0) });
      }),
    deleteRoute: (destination) =>
      does(() => {
        kernel.routes = kernel.routes.filter((route) => route.destination !== destination);
      }),
    deleteLink: (link) => does(() => kernel.deleteLink(link)),
    linkDown: (link) => does(() => kernel.linkDown(link)),
    flap: (link) =>
      does(() => {
        const { addresses, mtu } = kernel.link(link);
        kernel.linkDown(link);
        kernel.ip({ kind: 'link-set', link, mtu, text: '' });
        for (const address of addresses) kernel.addAddress(link, address);
      }),
    addAddress: (link, address) => does(() => kernel.addAddress(link, address)),
    deleteAddress: (link, address) => does(() => kernel.deleteAddress(link, address)),
    setMtu: (link, mtu) => does(() => Object.assign(kernel.link(link), { mtu })),
    setMac: (link, mac) => does(() => kernel.ip({ kind: 'tunnel-mac', link, mac, text: '' })),
    addTunnel: (tunnel) => does(() => kernel.ip({ kind: 'tunnel-add', tunnel, text: '' })),
    setTunnel: (tunnel) => does(() => kernel.ip({ kind: 'tunnel-set', tunnel, text: '' })),
    setNeighbour: (link, address, mac) => does(() => void kernel.link(link).neighbours.set(address, mac)),
    deleteNeighbour: (link, address) => does(() => void kernel.link(link).neighbours.delete(address)),
    setForwarding: (link, mac, remote) => does(() => void kernel.link(link).forwarding.set(mac, remote)),
    deleteForwarding: (link, mac) => does(() => void kernel.link(link).forwarding.delete(mac)),
    setSysctl: (path, value) => does(() => void kernel.sysctls.set(path, value)),
    sysctl: async (path) => kernel.sysctls.get(path) ?? '',
    flush: (tool) =>
      does(() => {
        for (const family of FAMILIES)
          kernel.firewalls[tool][family] = tool === 'nft' ? new FakeNft(family) : new FakeIptables();
      }, 'firewall'),
    state: async () => {
      const { links, routes, sysctls, firewalls } = kernel;
      const listings = Object.values(firewalls).flatMap((one) => [one.ipv4.list(), one.ipv6.list()]);
      return JSON.stringify([[...links], routes, [...sysctls], listings], null, 1);
    },
    close: async () => undefined,
  };
}

/** IPv6 link-local addresses come by themselves, a moment after their link. */
const STATE = `
ip -o address | sed 's/ *valid_lft.*//; /inet6 fe80/d'
ip -4 route show table all | sed 's/ linkdown//' | sort
ip -6 route show | sed 's/ linkdown//; /^fe80/d' | sort
nft list ruleset
for table in nat filter; do iptables-legacy-save -t $table; done | sed '/^#/d; s/\\[[0-9]*:[0-9]*\\]//'
sysctl -a 2>/dev/null | grep '^net\\.\\(ipv4\\|ipv6\\|bridge\\)' | grep -v 'nf_conntrack\\|_mem\\|\\.neigh\\.\\|stable_secret'
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
      const rank = metric === undefined ? '' : ` metric ${metric}`;
      return does(`ip route add ${leads} proto ${protocol}${rank}`);
    },
    deleteRoute: (destination) => does(`ip ${isV6(destination) ? '-6' : '-4'} route delete ${destination}`),
    deleteLink: (link) => does(`ip link delete ${link}`),
    linkDown: (link) => does(`ip link set ${link} down`),
    flap: (link) =>
      does(`ip link set ${link} down; ip link set ${link} up; ip address replace ${ETH0[1]} dev eth0 nodad`),
    addAddress: (link, address) =>
      does(`ip address add ${address} dev ${link}${isV6(address) ? ' nodad' : ''}`),
    deleteAddress: (link, address) => does(`ip address delete ${address} dev ${link}`),
    setMtu: (link, mtu) => does(`ip link set ${link} mtu ${mtu}`),
    setMac: (link, mac) => does(`ip link set ${link} address ${mac}`),
    addTunnel: (tunnel) => does(`ip link add ${tunnel.name} address ${tunnel.mac} ${fixed(tunnel)}`),
    setTunnel: (tunnel) => does(`ip link set ${tunnel.name} ${settable(tunnel)}`),
    setNeighbour: (link, address, mac) =>
      does(`ip neighbour replace ${address} lladdr ${mac} dev ${link} nud permanent`),
    deleteNeighbour: (link, address) => does(`ip neighbour delete ${address} dev ${link}`),
    setForwarding: (link, mac, remote) =>
      does(`bridge fdb replace ${mac} dev ${link} dst ${remote} self permanent`),
    deleteForwarding: (link, mac) => does(`bridge fdb delete ${mac} dev ${link}`),
    setSysctl: (path, value) => does(`echo ${value} > /proc/sys/${path}`),
    sysctl: async (path) => (await kernel.sh(`cat /proc/sys/${path}`)).trim(),
    flush: (tool) => does(flushScript(tool)),
    state: () => kernel.sh(STATE),
    close: () => kernel.close(),
  };
}

function settable({ vni, local, device, learning }: TunnelDevice): string {
  return `type vxlan id ${vni} local ${local} dev ${device} ${learning ? 'learning' : 'nolearning'}`;
}

function fixed(tunnel: TunnelDevice): string {
  return `${settable(tunnel)} dstport ${tunnel.port}${tunnel.gbp ? ' gbp' : ''}`;
}

function flushScript(tool: FirewallTool): string {
  if (tool === 'nft') return 'nft delete table ip causeway; nft delete table ip6 causeway || true';
  const v6 = tool.replace('ip', 'ip6');
  return `for tool in ${tool} ${v6}; do for table in nat filter; do $tool -t $table -F; $tool -t $table -X; done; done`;
}
