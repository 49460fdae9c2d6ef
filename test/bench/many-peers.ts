import type { DesiredHost, NeighbourIntent, RouteIntent, TunnelIntent } from '@causeway/shared/desired/host';
import type { FirewallIntent } from '@causeway/shared/desired/intent';

export type Shape = 'IPv4 routes' | 'IPv6 routes' | 'VXLAN: route, neighbour and entry';

/** What a host should hold beside this many others: one route for each, and with VXLAN what leads through the tunnel. */
export function manyPeers(count: number, shape: Shape): DesiredHost {
  const isV6 = shape === 'IPv6 routes';
  const numbers = Array.from({ length: count }, (_, i) => i + 2);
  const tunnels = shape.startsWith('VXLAN') ? [tunnelOf(numbers)] : [];
  const routes = numbers.map((n) => (isV6 ? sixth(n) : tunnels.length > 0 ? behind(n) : fourth(n)));
  return {
    bridge: { name: 'cwy0', addresses: [isV6 ? 'fd00:10:0:1::1/64' : '10.0.1.1/24'], mtu: 1450 },
    tunnels,
    routes,
    sysctls: { [isV6 ? 'net/ipv6/conf/all/forwarding' : 'net/ipv4/ip_forward']: '1' },
    firewalls: [firewallOf(isV6)],
    ...{ peers: [], problems: [] },
  };
}

function firewallOf(isV6: boolean): FirewallIntent {
  const [network, subnet] = isV6 ? ['fd00:10::/48', 'fd00:10:0:1::/64'] : ['10.0.0.0/8', '10.0.1.0/24'];
  const bare = { bridge: 'cwy0', mark: 0x2000, masquerade: true, nonMasqueradeCidrs: [] };

  return {
    family: isV6 ? 'ipv6' : 'ipv4',
    network,
    subnet,
    ...bare,
    nodePortCidrs: [],
    services: [],
    published: [],
    policies: [],
  };
}

const bytesOf = (n: number) => [n >> 8, n & 255] as const;
const subnetOf = (n: number) => `10.${bytesOf(n).join('.')}.0`;
const publicIpOf = (n: number) => `172.16.${bytesOf(n).join('.')}`;

function fourth(n: number): RouteIntent {
  return { destination: `${subnetOf(n)}/24`, gateway: publicIpOf(n), device: 'eth0' };
}

function sixth(n: number): RouteIntent {
  const hex = n.toString(16);
  return { destination: `fd00:10:0:${hex}::/64`, gateway: `fd00:122::${hex}`, device: 'eth0' };
}

function behind(n: number): RouteIntent {
  return { destination: `${subnetOf(n)}/24`, gateway: subnetOf(n), device: 'cwyx.1', onlink: true };
}

function tunnelOf(numbers: readonly number[]): TunnelIntent {
  return {
    ...{ name: 'cwyx.1', family: 'ipv4', vni: 1, port: 8472, local: '172.16.0.1', device: 'eth0' },
    ...{ mac: '02:00:00:00:ff:01', mtu: 1450, learning: false, gbp: false, address: '10.0.1.0/32' },
    neighbours: numbers.map(neighbourOf),
  };
}

function neighbourOf(n: number): NeighbourIntent {
  const [high, low] = bytesOf(n).map((byte) => byte.toString(16).padStart(2, '0'));
  return { address: subnetOf(n), mac: `02:00:00:00:${high}:${low}`, remote: publicIpOf(n) };
}
