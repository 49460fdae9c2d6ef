import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../model/host-facts.ts';
import type { SubnetLease } from '../model/lease.ts';
import type { NetworkConfig } from '../model/network.ts';
import { peerRoutes } from './routes.ts';

const CONFIG: NetworkConfig = {
  network: '10.10.0.0/16',
  subnetLen: 24,
  subnetMin: '10.10.1.0',
  subnetMax: '10.10.255.0',
  backend: 'host-gw',
};

const FACTS: HostFacts = {
  name: 'host-1',
  id: 'id-1',
  iface: 'eth0',
  publicIp: '192.168.122.11',
  ifaceSubnet: '192.168.122.0/24',
  mtu: 1500,
};

function lease(subnet: string, publicIp: string, more: Partial<SubnetLease> = {}): SubnetLease {
  return { subnet, publicIp, backendType: 'host-gw', ...more };
}

const GOOD = lease('10.10.2.0/24', '192.168.122.12');
const OWN = lease('10.10.1.0/24', '192.168.122.11', { node: { id: 'id-1', name: 'host-1' } });

const routes = (...leases: SubnetLease[]) => peerRoutes(leases, CONFIG, FACTS, '10.10.1.0/24');

describe('peerRoutes', () => {
  it('leads to each peer by way of its host, in the order of subnets', () => {
    expect(routes(lease('10.10.10.0/24', '192.168.122.13'), GOOD, OWN).routes).toEqual([
      { destination: '10.10.2.0/24', gateway: '192.168.122.12', device: 'eth0' },
      { destination: '10.10.10.0/24', gateway: '192.168.122.13', device: 'eth0' },
    ]);
  });

  it('knows its own lease by id or by subnet', () => {
    const found = routes(OWN, lease('10.10.1.0/24', '192.168.122.11'), {
      ...lease('10.10.9.0/24', '192.168.122.99'),
      node: { id: 'id-1', name: 'host-1' },
    });
    expect(found).toEqual({ routes: [], peers: [], problems: [] });
  });

  it.each([
    ['another subnet', lease('10.10.3.0/24', '192.168.123.12'), 'outside 192.168.122.0/24 of eth0'],
    ['another backend', lease('10.10.3.0/24', '192.168.122.13', { backendType: 'vxlan' }), '"vxlan"'],
    ['no CIDR', lease('10.10.3.0', '192.168.122.13'), 'no IPv4 CIDR'],
    ['no address', lease('10.10.3.0/24', '192.168.122'), 'no IPv4 address'],
    ['the default route', lease('0.0.0.0/0', '192.168.122.13'), 'outside the network'],
    ['a foreign network', lease('192.168.122.0/25', '192.168.122.13'), 'outside the network'],
    ['a part of our own', lease('10.10.1.128/25', '192.168.122.13'), "overlaps this host's own"],
    ['our own address', lease('10.10.3.0/24', '192.168.122.11'), "this host's own"],
  ])('tells of a lease with %s, and keeps the others', (_, bad, reason) => {
    const found = routes(bad, GOOD, OWN);
    expect(found.routes.map((route) => route.destination)).toEqual(['10.10.2.0/24']);
    expect(found.peers).toHaveLength(2);
    expect(found.peers.find((peer) => peer.state === 'unreachable')?.reason).toContain(reason);
    expect(found.problems).toEqual([expect.stringContaining(reason)]);
  });
});
