import type { RouteIntent, TunnelIntent } from '@causeway/shared/desired/host';
import { describe, expect, it } from 'vitest';
import { type NetworkIntent, planNetworkChange } from './change.ts';

const direct = (n: number): RouteIntent => ({
  destination: `fd00:10:0:${n}::/64`,
  gateway: `fd00:122::1${n}`,
  device: 'eth0',
});
const tunnelled = (n: number): RouteIntent => ({
  ...{ destination: `fd00:10:0:${n}::/64`, gateway: `fd00:10:0:${n}::`, device: 'cwyx6.1', onlink: true },
});
const neighbour = (n: number) => ({
  ...{ address: `fd00:10:0:${n}::`, mac: `02:00:00:00:00:0${n}`, remote: `fd00:122::1${n}` },
});
const tunnel: TunnelIntent = {
  ...{ name: 'cwyx6.1', family: 'ipv6', vni: 1, port: 8472, local: 'fd00:122::11', device: 'eth0' },
  ...{ mac: '02:00:00:00:00:01', mtu: 1430, learning: false, gbp: false, address: 'fd00:10:0:1::/128' },
  neighbours: [neighbour(2)],
};
const from: NetworkIntent = {
  bridge: { name: 'cwy0', addresses: ['fd00:10:0:1::1/64'], mtu: 1430 },
  tunnels: [tunnel],
  routes: [tunnelled(2), direct(3)],
  sysctls: { 'net/ipv6/conf/all/forwarding': '1' },
};
const texts = (to: NetworkIntent, blocked: readonly string[] = []) =>
  planNetworkChange(from, to, new Set(blocked))?.map((step) => step.text);

describe('a change of the network', () => {
  it('is nothing when nothing differs, whoever made the lists', () => {
    expect(texts(from)).toEqual([]);
    expect(texts(structuredClone(from))).toEqual([]);
  });

  it('follows a peer that comes, one that moves and one that goes', () => {
    const moved = { ...direct(3), gateway: 'fd00:122::99' };
    expect(texts({ ...from, routes: [moved, direct(4)] })).toEqual([
      'replace route fd00:10:0:3::/64 via fd00:122::13 dev eth0 by fd00:10:0:3::/64 via fd00:122::99 dev eth0',
      'add route fd00:10:0:4::/64 via fd00:122::14 dev eth0',
      'remove stale route fd00:10:0:2::/64 via fd00:10:0:2:: dev cwyx6.1',
    ]);
  });

  it('brings a tunnel’s entries before the route and takes them after it', () => {
    const to = {
      ...from,
      tunnels: [{ ...tunnel, neighbours: [neighbour(4)] }],
      routes: [direct(3), tunnelled(4)],
    };
    expect(texts(to)).toEqual([
      'forward frames for 02:00:00:00:00:04 to fd00:122::14 on cwyx6.1',
      'set neighbour fd00:10:0:4:: at 02:00:00:00:00:04 on cwyx6.1',
      'add route fd00:10:0:4::/64 via fd00:10:0:4:: dev cwyx6.1',
      'remove stale route fd00:10:0:2::/64 via fd00:10:0:2:: dev cwyx6.1',
      'remove stale neighbour fd00:10:0:2:: at 02:00:00:00:00:02 from cwyx6.1',
      'stop forwarding frames for 02:00:00:00:00:02 to fd00:122::12 on cwyx6.1',
    ]);
  });

  it('clears the way where the kernel refuses a gateway that another link leads to', () => {
    expect(texts({ ...from, routes: [tunnelled(2), tunnelled(3)] })).toEqual([
      'remove route fd00:10:0:3::/64 via fd00:122::13 dev eth0, which stands before another link',
      'add route fd00:10:0:3::/64 via fd00:10:0:3:: dev cwyx6.1',
    ]);
  });

  it.each<[string, Partial<NetworkIntent>]>([
    ['the bridge', { bridge: { ...from.bridge, addresses: [] } }],
    ['its MTU', { bridge: { ...from.bridge, mtu: 1500 } }],
    ['a tunnel', { tunnels: [{ ...tunnel, port: 4789 }] }],
    ['the number of tunnels', { tunnels: [] }],
    ['a setting', { sysctls: {} }],
  ])('is not known without a look when it is one of %s', (_, change) => {
    expect(texts({ ...from, ...change })).toBeUndefined();
  });

  it('is not known without a look when the peer is blocked', () => {
    expect(texts({ ...from, routes: [tunnelled(2)] }, ['fd00:10:0:3::/64'])).toBeUndefined();
    expect(texts({ ...from, routes: [tunnelled(2), tunnelled(3)] }, ['fd00:10:0:3::/64'])).toBeUndefined();
    expect(texts({ ...from, routes: [direct(3)] }, ['fd00:10:0:3::/64'])).toHaveLength(1);
  });
});
