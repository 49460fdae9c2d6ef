import type { DesiredHost, OwnSubnets, TunnelIntent } from '../../shared/src/desired/host.ts';
import type { SubnetLease } from '../../shared/src/model/lease.ts';
import type { NetworkConfig } from '../../shared/src/model/network.ts';
import { mapFamilies } from '../../shared/src/net/family.ts';
import { DUAL_STACK, HOST_1, HOST_GW, hostWith, leaseOf, OWN, only, VXLAN } from './desired-host.ts';
import type { World } from './kernel-worlds.ts';

/** Hosts in both families and with both backends, and everything that can happen to what their kernels hold. */
export interface Variant {
  readonly families: 'ipv4' | 'ipv6' | 'dual';
  readonly backend: 'host-gw' | 'vxlan';
  /** Absent: host-1's. */
  readonly own?: OwnSubnets;
  /** Numbers of the hosts besides this one; absent: 2 and 3. */
  readonly peers?: readonly number[];
}

export const VARIANTS: readonly Variant[] = (['ipv4', 'ipv6', 'dual'] as const).flatMap((families) =>
  (['host-gw', 'vxlan'] as const).map((backend) => ({ families, backend })),
);

/** What host-1 should hold of the network; no packet filter beside its settings. */
export function hostOf({ families, backend, own = OWN, peers = [2, 3] }: Variant): DesiredHost {
  const both: NetworkConfig = { ...DUAL_STACK, backend: backend === 'vxlan' ? VXLAN : HOST_GW };
  const config = families === 'dual' ? both : only(families, both);
  const lease = (n: number): SubnetLease => ({
    ...(n === 1 ? successor() : leaseOf(n)),
    backendType: backend,
  });
  const leased = mapFamilies(own, (subnet, family) => (config[family] === undefined ? undefined : subnet));
  const situation = { config, facts: { ...HOST_1, iface: 'eth0' }, own: leased };
  const host = hostWith(peers.map(lease), situation);
  // The bridge's own filter is a module that a test's kernel need not have.
  const sysctls = Object.entries(host.sysctls).filter(([path]) => /ip_forward$|all\/forwarding$/.test(path));
  return { ...host, sysctls: Object.fromEntries(sysctls) };
}

/** Another host that has what was host-1's subnets. */
function successor(): SubnetLease {
  const [{ ipv4, ipv6 }, other] = [leaseOf(1), leaseOf(21)];
  return {
    ...other,
    ...(other.ipv4 && ipv4 ? { ipv4: { ...other.ipv4, subnet: ipv4.subnet } } : {}),
    ...(other.ipv6 && ipv6 ? { ipv6: { ...other.ipv6, subnet: ipv6.subnet } } : {}),
  };
}

export interface Damage {
  readonly name: string;
  readonly when: (host: DesiredHost) => boolean;
  readonly cause: (world: World, host: DesiredHost) => Promise<void>;
  /** Some of the steps that mend it. */
  readonly mended: (host: DesiredHost) => readonly RegExp[];
}

export const DAMAGES: readonly Damage[] = [
  {
    name: 'a route is deleted',
    when: () => true,
    cause: (world, { routes: [route] }) => world.deleteRoute(route?.destination ?? ''),
    mended: ({ routes: [route] }) => [new RegExp(`^add route ${route?.destination} via ${route?.gateway}`)],
  },
  {
    name: 'a gateway is changed',
    when: () => true,
    cause: async (world, { routes: [route] }) => {
      const { destination = '' } = route ?? {};
      await world.deleteRoute(destination);
      const gateway = destination.includes(':') ? 'fd00:122::99' : '192.168.122.99';
      await world.addRoute({ destination, gateway, protocol: 88 });
    },
    mended: ({ routes: [route] }) => [
      new RegExp(`^(replace|remove) route ${route?.destination} via .*99 dev eth0`),
    ],
  },
  {
    name: 'a route of an earlier life is there',
    when: () => true,
    cause: async (world) => {
      await world.addRoute({ destination: '172.16.7.0/24', gateway: '192.168.122.17', protocol: 88 });
      await world.addRoute({ destination: 'fd99::/64', gateway: 'fd00:122::17', protocol: 88, metric: 7 });
    },
    mended: () => [/^remove stale route 172.16.7.0\/24/, /^remove stale route fd99::\/64 .* metric 7/],
  },
  {
    name: 'the link to the other hosts goes down and up',
    when: () => true,
    cause: (world) => world.flap('eth0'),
    mended: ({ tunnels, routes }) =>
      tunnels.length > 0 ? [] : [new RegExp(`^add route ${routes[0]?.destination}`)],
  },
  {
    name: 'the bridge is deleted',
    when: () => true,
    cause: (world) => world.deleteLink('cwy0'),
    mended: () => [/^create bridge cwy0/, /^set cwy0 up/, /^add address /],
  },
  {
    name: 'the bridge goes down',
    when: () => true,
    cause: (world) => world.linkDown('cwy0'),
    mended: () => [/^set cwy0 up/],
  },
  {
    name: 'the bridge has another MTU',
    when: () => true,
    cause: (world) => world.setMtu('cwy0', 1300),
    mended: ({ bridge }) => [new RegExp(`^set cwy0 up with MTU ${bridge.mtu}`)],
  },
  {
    name: 'an address of the bridge is removed',
    when: () => true,
    cause: (world, { bridge }) => world.deleteAddress('cwy0', bridge.addresses.at(-1) ?? ''),
    mended: ({ bridge }) => [new RegExp(`^add address ${bridge.addresses.at(-1)} to cwy0`)],
  },
  {
    name: 'the route of the bridge is deleted',
    when: () => true,
    cause: (world, { bridge }) => world.deleteRoute(subnetOf(bridge.addresses.at(-1))),
    mended: ({ bridge }) => [new RegExp(`^put back route ${subnetOf(bridge.addresses.at(-1))} dev cwy0`)],
  },
  {
    name: 'the bridge has addresses that are not its own',
    when: () => true,
    cause: async (world) => {
      for (const address of ['10.99.9.1/24', '10.10.1.77/24', 'fd99::1/64'])
        await world.addAddress('cwy0', address);
    },
    mended: () => [
      /^remove address 10.99.9.1\/24 from cwy0/,
      /^remove address 10.10.1.77\/24/,
      /^remove address fd99::1/,
    ],
  },
  {
    name: 'somebody else’s address came before ours',
    when: ({ bridge }) => bridge.addresses.includes('10.10.1.1/24'),
    cause: async (world) => {
      await world.deleteAddress('cwy0', '10.10.1.1/24');
      await world.addAddress('cwy0', '10.10.1.77/24');
      await world.addAddress('cwy0', '10.10.1.1/24');
    },
    mended: () => [/^remove address 10.10.1.77\/24 from cwy0/, /^add address 10.10.1.1\/24/],
  },
  ...['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'].map(
    (path): Damage => ({
      name: `${path} is flipped`,
      when: ({ sysctls }) => path in sysctls,
      cause: (world) => world.setSysctl(path, '0'),
      mended: () => [new RegExp(`^set ${path.replaceAll('/', '.')} = 1`)],
    }),
  ),
  {
    name: 'the tunnel is deleted',
    when: hasTunnel,
    cause: (world, host) => world.deleteLink(tunnelOf(host).name),
    mended: (host) => [
      new RegExp(`^create tunnel ${tunnelOf(host).name}`),
      new RegExp(`^add route ${throughOf(host)}`),
      /^set neighbour /,
      /^forward frames /,
    ],
  },
  {
    name: 'the tunnel goes down',
    when: hasTunnel,
    cause: (world, host) => world.linkDown(tunnelOf(host).name),
    mended: (host) => [
      new RegExp(`^set ${tunnelOf(host).name} up`),
      new RegExp(`^add route ${throughOf(host)}`),
    ],
  },
  {
    name: 'the tunnel has another MTU',
    when: hasTunnel,
    cause: (world, host) => world.setMtu(tunnelOf(host).name, 1300),
    mended: (host) => [new RegExp(`^set ${tunnelOf(host).name} up with MTU ${tunnelOf(host).mtu}`)],
  },
  {
    name: 'the tunnel learns',
    when: hasTunnel,
    cause: (world, host) => world.setTunnel({ ...tunnelOf(host), learning: true }),
    mended: (host) => [new RegExp(`^set tunnel ${tunnelOf(host).name} to `)],
  },
  {
    name: 'the tunnel has another link-layer address',
    when: hasTunnel,
    cause: (world, host) => world.setMac(tunnelOf(host).name, '02:00:00:00:00:99'),
    mended: (host) => [
      new RegExp(`^set the address of ${tunnelOf(host).name} to ${tunnelOf(host).mac}`),
      /^set neighbour /,
    ],
  },
  {
    name: 'the tunnel was made anew with another port',
    when: hasTunnel,
    cause: async (world, host) => {
      await world.deleteLink(tunnelOf(host).name);
      await world.addTunnel({ ...tunnelOf(host), port: 4789 });
    },
    mended: (host) => [
      new RegExp(`^remove tunnel ${tunnelOf(host).name} to make it anew`),
      new RegExp(`^create tunnel ${tunnelOf(host).name}`),
      new RegExp(`^add route ${throughOf(host)}`),
    ],
  },
  {
    name: 'the address of the tunnel is removed',
    when: hasTunnel,
    cause: (world, host) => world.deleteAddress(tunnelOf(host).name, tunnelOf(host).address ?? ''),
    mended: (host) => [new RegExp(`^add address ${tunnelOf(host).address} to ${tunnelOf(host).name}`)],
  },
  {
    name: 'a neighbour is lost',
    when: hasTunnel,
    cause: (world, host) => world.deleteNeighbour(tunnelOf(host).name, peerOf(host).address),
    mended: (host) => [new RegExp(`^set neighbour ${peerOf(host).address} at ${peerOf(host).mac}`)],
  },
  {
    name: 'a neighbour is wrong, and another one too many',
    when: hasTunnel,
    cause: async (world, host) => {
      const { name, family } = tunnelOf(host);
      await world.setNeighbour(name, peerOf(host).address, '02:00:00:00:00:99');
      await world.setNeighbour(
        name,
        family === 'ipv4' ? '10.10.99.0' : 'fd00:10:0:99::',
        '02:00:00:00:00:98',
      );
    },
    mended: (host) => [
      new RegExp(`^set neighbour ${peerOf(host).address} at`),
      /^remove stale neighbour .* at 02:00:00:00:00:98/,
    ],
  },
  {
    name: 'a forwarding entry is lost',
    when: hasTunnel,
    cause: (world, host) => world.deleteForwarding(tunnelOf(host).name, peerOf(host).mac),
    mended: (host) => [new RegExp(`^forward frames for ${peerOf(host).mac} to ${peerOf(host).remote}`)],
  },
  {
    name: 'a forwarding entry is wrong, and another one too many',
    when: hasTunnel,
    cause: async (world, host) => {
      const { name, family } = tunnelOf(host);
      const elsewhere = family === 'ipv4' ? '192.168.122.99' : 'fd00:122::99';
      await world.setForwarding(name, peerOf(host).mac, elsewhere);
      await world.setForwarding(name, '02:00:00:00:00:98', elsewhere);
    },
    mended: (host) => [
      new RegExp(`^forward frames for ${peerOf(host).mac}`),
      /^stop forwarding frames for 02:00:00:00:00:98/,
    ],
  },
  {
    name: 'a tunnel of an earlier life is there',
    when: () => true,
    cause: async (world) => {
      const old = {
        vni: 7,
        port: 8472,
        local: '192.168.122.11',
        device: 'eth0',
        learning: false,
        gbp: false,
      };
      await world.addTunnel({ ...old, name: 'cwyx.7', mac: '02:00:00:00:00:07' });
      // As a peer's gateway would be, had the host had the peer's subnet before.
      await world.addAddress('cwyx.7', '10.10.2.0/32');
    },
    mended: () => [/^remove tunnel cwyx.7/],
  },
];

function hasTunnel({ tunnels }: DesiredHost): boolean {
  return tunnels.length > 0;
}

/** Of several the last: the IPv6 one. */
function tunnelOf({ tunnels }: DesiredHost): TunnelIntent {
  const tunnel = tunnels.at(-1);
  if (tunnel === undefined) throw new Error('the host has no tunnel');
  return tunnel;
}

function peerOf(host: DesiredHost) {
  const [peer] = tunnelOf(host).neighbours;
  if (peer === undefined) throw new Error('the tunnel has no peer');
  return peer;
}

/** A subnet that is reached through the tunnel. */
function throughOf(host: DesiredHost): string {
  return host.routes.find((route) => route.device === tunnelOf(host).name)?.destination ?? 'none';
}

function subnetOf(address = ''): string {
  return address.includes(':') ? address.replace('::1/', '::/') : address.replace(/\.1\//, '.0/');
}
