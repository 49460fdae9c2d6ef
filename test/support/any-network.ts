import fc from 'fast-check';
import type { Rulesets } from '../../node-agent/src/plan/firewall.ts';
import { dataplaneOf, type FirewallTool, type ObservedRoute } from '../../node-agent/src/plan/observed.ts';
import type { DesiredHost, RouteIntent, TunnelIntent } from '../../shared/src/desired/host.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { FakeKernel } from './fake-kernel.ts';
import { connectedRoute, isV6 } from './fake-routes.ts';
import { anyIntentOf } from './intents.ts';

/** Random hosts from a small world, so that what is there and what should be meet often. */
export const TOOLS: readonly FirewallTool[] = ['nft', 'iptables-nft', 'iptables-legacy'];
const SYSCTLS = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'];

const SUBNET = { ipv4: (n: number) => `10.10.${n}.0`, ipv6: (n: number) => `fd00:10:0:${n}::` };
const LENGTH = { ipv4: '/24', ipv6: '/64' };
const HOST = { ipv4: '/32', ipv6: '/128' };
const PUBLIC = { ipv4: (n: number) => `192.168.122.1${n}`, ipv6: (n: number) => `fd00:122::1${n}` };
const NAME = { ipv4: 'cwyx.', ipv6: 'cwyx6.' };

const gatewayOf = (family: Family, n: number) =>
  family === 'ipv4' ? `10.10.${n}.1/24` : `fd00:10:0:${n}::1/64`;

/** One family of a host: its own subnet, the tunnel if it has one, and how each peer is reached. */
interface Half {
  readonly own: number | undefined;
  readonly vni: number | undefined;
  readonly port: number;
  readonly mac: number;
  readonly peers: readonly { readonly n: number; readonly via: number; readonly direct: boolean }[];
}

const half: fc.Arbitrary<Half | undefined> = fc.option(
  fc.record({
    own: fc.constantFrom(1, 1, 9, undefined),
    vni: fc.constantFrom(undefined, 1, 1, 2),
    port: fc.constantFrom(8472, 8472, 4789),
    mac: fc.constantFrom(1, 1, 2),
    peers: fc.uniqueArray(
      fc.record({ n: fc.constantFrom(2, 3, 4, 9), via: fc.constantFrom(2, 3, 4), direct: fc.boolean() }),
      { selector: ({ n }) => n },
    ),
  }),
  { nil: undefined, freq: 5 },
);

const macOf = (n: number) => `02:00:00:00:00:0${n}`;

function tunnelOf(family: Family, { own, vni, port, mac, peers }: Half): readonly TunnelIntent[] {
  if (vni === undefined) return [];
  const behind = peers.filter(({ n, direct }) => !direct && n !== own);
  return [
    {
      ...{ name: `${NAME[family]}${vni}`, family, vni, port, local: PUBLIC[family](1), device: 'eth0' },
      ...{ mac: macOf(mac), mtu: 1450, learning: false, gbp: false },
      ...(own === undefined ? {} : { address: `${SUBNET[family](own)}${HOST[family]}` }),
      neighbours: behind.map(({ n, via }) => ({
        ...{ address: SUBNET[family](n), mac: `02:00:00:00:00:${n}${via}`, remote: PUBLIC[family](via) },
      })),
    },
  ];
}

function routesOf(family: Family, { own, vni, peers }: Half): readonly RouteIntent[] {
  return peers
    .filter(({ n }) => n !== own)
    .map(({ n, via, direct }) => {
      const destination = `${SUBNET[family](n)}${LENGTH[family]}`;
      if (direct || vni === undefined) return { destination, gateway: PUBLIC[family](via), device: 'eth0' };
      return { destination, gateway: SUBNET[family](n), device: `${NAME[family]}${vni}`, onlink: true };
    });
}

export const anyDesired: fc.Arbitrary<DesiredHost> = fc
  .record({
    halves: fc.record({ ipv4: half, ipv6: half }),
    mtu: fc.constantFrom(1500, 1450),
    sysctls: fc.subarray(SYSCTLS),
    firewalls: fc.record({ ipv4: anyIntentOf('ipv4'), ipv6: anyIntentOf('ipv6') }),
  })
  .map(({ halves, mtu, sysctls, firewalls }) => {
    const used = FAMILIES.flatMap((family) => {
      const one = halves[family];
      return one === undefined ? [] : [[family, one] as const];
    });
    const addresses = used.flatMap(([family, { own }]) =>
      own === undefined ? [] : [gatewayOf(family, own)],
    );
    return {
      bridge: { name: 'cwy0', addresses, mtu },
      tunnels: used.flatMap(([family, one]) => tunnelOf(family, one)),
      routes: used.flatMap(([family, one]) => routesOf(family, one)),
      sysctls: Object.fromEntries(sysctls.map((path) => [path, '1'])),
      firewalls: used.map(([family]) => firewalls[family]),
      peers: [],
      problems: [],
    };
  });

const destinations = {
  ipv4: ['10.10.2.0/24', '10.10.3.0/24', '10.10.7.0/24', '172.16.0.0/16'],
  ipv6: ['fd00:10:0:2::/64', 'fd00:10:0:3::/64', 'fd00:10:0:7::/64', 'fd99::/64'],
};

/** Only ours is ever in the way of an IPv6 gateway behind a tunnel: the kernel refuses it beside others' routes. */
const anyRoute: fc.Arbitrary<ObservedRoute> = fc.constantFrom(...FAMILIES).chain((family) =>
  fc.record({
    family: fc.constant(family),
    destination: fc.constantFrom(...destinations[family]),
    type: fc.constant('unicast'),
    gateway: fc.constantFrom(2, 3, 4).map((n) => PUBLIC[family](n)),
    device: fc.constant('eth0'),
    protocol: family === 'ipv4' ? fc.constantFrom(88, 88, 3) : fc.constant(88),
    metric: family === 'ipv4' ? fc.constantFrom(0, 0, 100) : fc.constantFrom(1024, 1024, 512),
  }),
);

/** What may stand on a host: remains of an older agent, of another dataplane, of an administrator. */
export const anyState = fc.record({
  bridge: fc.option(
    fc.record({
      mtu: fc.constantFrom(1500, 1400),
      up: fc.boolean(),
      addresses: fc.shuffledSubarray([
        '10.10.1.1/24',
        '10.10.9.1/24',
        '10.10.1.77/24',
        'fd00:10:0:1::1/64',
        'fd00:10:0:9::1/64',
      ]),
      connected: fc.boolean(),
    }),
    { nil: undefined },
  ),
  tunnels: fc.record({ ipv4: half, ipv6: half }),
  tunnelUp: fc.boolean(),
  routes: fc.uniqueArray(anyRoute, { selector: (r) => `${r.destination} ${r.metric}`, maxLength: 8 }),
  sysctls: fc.tuple(fc.constantFrom('0', '1'), fc.constantFrom('0', '1')),
  firewalls: fc.array(
    fc.constantFrom(...FAMILIES).chain((family) => fc.tuple(fc.constantFrom(...TOOLS), anyIntentOf(family))),
    { maxLength: 3 },
  ),
});

export type State = typeof anyState extends fc.Arbitrary<infer T> ? T : never;

export function kernelIn(state: State, rulesets: Rulesets): FakeKernel {
  const kernel = new FakeKernel();
  kernel.addLink('eth0', { type: 'physical', up: true, addresses: ['192.168.122.11/24', 'fd00:122::11/64'] });
  kernel.routes = [connectedRoute('192.168.122.0/24', 'eth0'), connectedRoute('fd00:122::/64', 'eth0')];
  kernel.routes.push(...state.routes);
  if (state.bridge !== undefined) {
    const { connected, addresses, up, mtu } = state.bridge;
    kernel.addLink('cwy0', {
      type: 'bridge',
      mtu,
      up,
      addresses: up ? addresses : addresses.filter((one) => !isV6(one)),
    });
    if (connected && up) for (const address of addresses) kernel.connect('cwy0', address);
  }
  for (const family of FAMILIES) {
    const one = state.tunnels[family];
    for (const tunnel of one === undefined ? [] : tunnelOf(family, one))
      addTunnel(kernel, tunnel, state.tunnelUp);
  }
  for (const [i, path] of SYSCTLS.entries()) kernel.sysctls.set(path, state.sysctls[i] ?? '0');
  for (const [tool, intent] of state.firewalls) {
    const firewall = kernel.firewalls[tool][intent.family];
    firewall.apply(rulesets[dataplaneOf(tool)].full(intent, firewall.list()));
  }
  return kernel;
}

function addTunnel(kernel: FakeKernel, tunnel: TunnelIntent, up: boolean): void {
  const { name: link, address, neighbours } = tunnel;
  kernel.ip({ kind: 'tunnel-add', tunnel, text: '' });
  if (!up) return;
  kernel.ip({ kind: 'link-set', link, mtu: 1400, text: '' });
  if (address !== undefined) kernel.addAddress(link, address);
  for (const { address: to, mac, remote } of neighbours) {
    kernel.link(link).neighbours.set(to, mac);
    kernel.link(link).forwarding.set(mac, remote);
  }
}
