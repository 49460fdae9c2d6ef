import { describe, expect, it } from 'vitest';
import {
  DUAL_STACK,
  farLeaseOf,
  flannel,
  HOST_1,
  hostWith,
  leaseOf,
  OWN,
  only,
  VXLAN,
  v4,
} from '../../../test/support/desired-host.ts';
import type { SubnetLease } from '../model/lease.ts';
import type { NetworkConfig } from '../model/network.ts';

const OVERLAY: NetworkConfig = { ...DUAL_STACK, backend: VXLAN };
const DIRECT: NetworkConfig = { ...DUAL_STACK, backend: { ...VXLAN, direct: true } };
const FALLBACK: NetworkConfig = { ...DUAL_STACK, backend: { ...VXLAN, type: 'host-gw', direct: true } };

const OWN_LEASE = leaseOf(1);

describe('a peer on the same link', () => {
  it('has a plain route in each family, in the order of subnets', () => {
    const { routes, peers, tunnels, problems } = hostWith([leaseOf(12), leaseOf(2), OWN_LEASE]);
    const device = 'eth0.5';
    expect(routes).toEqual([
      { destination: '10.10.2.0/24', gateway: '192.168.122.12', device },
      { destination: '10.10.12.0/24', gateway: '192.168.122.22', device },
      { destination: 'fd00:10:0:2::/64', gateway: 'fd00:122::12', device },
      { destination: 'fd00:10:0:c::/64', gateway: 'fd00:122::22', device },
    ]);
    expect(peers[0]).toEqual({
      ...{ subnet: '10.10.2.0/24', family: 'ipv4', publicIp: '192.168.122.12', node: 'host-2' },
      ...{ state: 'wanted', path: 'direct' },
    });
    expect([peers.length, tunnels, problems]).toEqual([4, [], []]);
  });

  it('is in the families of the network only', () => {
    expect(hostWith([leaseOf(2)], { config: only('ipv6') }).routes).toHaveLength(1);
    expect(hostWith([leaseOf(2)], { config: only('ipv4') }).routes).toEqual([
      expect.objectContaining({ destination: '10.10.2.0/24' }),
    ]);
  });

  it('is written in one way, however its lease writes it', () => {
    const odd = leaseOf(2, { ipv6: { subnet: 'FD00:10::2:0:0:0:0/64', publicIp: 'fd00:122:0::0012' } });
    expect(hostWith([odd], { config: only('ipv6') }).routes).toEqual([
      { destination: 'fd00:10:0:2::/64', gateway: 'fd00:122::12', device: 'eth0.5' },
    ]);
  });

  it('is reached through the tunnel with vxlan, and directly with DirectRouting or host-gw', () => {
    const paths = [OVERLAY, DIRECT, FALLBACK].map((config) =>
      hostWith([leaseOf(2)], { config }).peers.map(({ path }) => path),
    );
    expect(paths).toEqual([
      ['tunnel', 'tunnel'],
      ['direct', 'direct'],
      ['direct', 'direct'],
    ]);
  });

  it.each([
    ['has no end of a tunnel yet', v4({ vtep: undefined })],
    ['has one of another network', v4({ vtep: { vni: 2, mac: '02:00:00:00:00:01' } })],
    ['speaks host-gw', v4({ vtep: undefined }, leaseOf(3, { backendType: 'host-gw' }))],
  ])('and is one of ours that %s is reached by a plain route in the meantime', (_, lease) => {
    const { peers, problems } = hostWith([lease], { config: OVERLAY });
    expect([peers.map(({ path }) => path), problems]).toEqual([['direct'], []]);
  });
});

describe('a peer elsewhere', () => {
  it('is told of with host-gw, and reached through the tunnel with every other backend', () => {
    const away = hostWith([farLeaseOf(2)]);
    expect(away.peers.map(({ state }) => state)).toEqual(['unreachable', 'unreachable']);
    expect(away.problems).toEqual([
      'no route to subnet 10.10.2.0/24 of host-2 (192.168.9.2): its address lies outside 192.168.122.0/24 of ' +
        'eth0.5, and host-gw leads no further',
      'no route to subnet fd00:10:0:2::/64 of host-2 (fd00:9::2): its address lies outside fd00:122::/64 of ' +
        'eth0.5, and host-gw leads no further',
    ]);
    for (const config of [OVERLAY, DIRECT, FALLBACK])
      expect(hostWith([farLeaseOf(2)], { config }).routes).toEqual([
        { destination: '10.10.2.0/24', gateway: '10.10.2.0', device: 'cwyx.1', onlink: true },
        { destination: 'fd00:10:0:2::/64', gateway: 'fd00:10:0:2::', device: 'cwyx6.1', onlink: true },
      ]);
  });

  it.each([
    ['no end', undefined, 'it has told no end of a tunnel'],
    [
      'another VNI',
      { vni: 2, mac: '02:00:00:00:00:01' },
      "its tunnels are in VXLAN network 2, this host's in 1",
    ],
    ['words as a MAC', { vni: 1, mac: 'x; reboot' }, '"x; reboot" of its tunnel is none of a host'],
    ['a group', { vni: 1, mac: '03:00:00:00:00:01' }, 'is none of a host'],
    ['nothing', { vni: 1, mac: '00:00:00:00:00:00' }, 'is none of a host'],
  ])('is told of when its tunnel has %s', (_, vtep, reason) => {
    const { ipv6, ...far } = farLeaseOf(3);
    const { routes, problems } = hostWith([v4({ vtep }, far)], { config: FALLBACK });
    expect(routes).toEqual([]);
    expect(problems).toEqual([expect.stringContaining(reason)]);
    expect(problems[0]).toContain('lies outside 192.168.122.0/24 of eth0.5, and ');
  });
});

describe('a flannel node', () => {
  it('is a peer when it speaks the backend of the network', () => {
    const vxlan = { ...flannel(leaseOf(2)), backendType: 'vxlan' };
    const reach = (lease: SubnetLease, config: NetworkConfig) =>
      hostWith([lease], { config }).peers.map(({ path, reason }) => path ?? reason)[0];
    expect(reach(flannel(leaseOf(2)), DUAL_STACK)).toBe('direct');
    expect(reach(vxlan, OVERLAY)).toBe('tunnel');
    expect(reach(vxlan, DIRECT)).toBe('direct');
    expect(reach(flannel(leaseOf(2)), FALLBACK)).toBe('direct');
    expect(reach(vxlan, DUAL_STACK)).toBe('its backend is "vxlan", and this network\'s is "host-gw"');
    expect(reach(flannel(leaseOf(2)), DIRECT)).toBe(
      'its backend is "host-gw", and this network\'s is "vxlan"',
    );
    expect(reach({ ...vxlan, ipv4: { subnet: '10.10.2.0/24', publicIp: '192.168.122.12' } }, OVERLAY)).toBe(
      'it has told no end of a tunnel',
    );
  });
});

describe('the own lease', () => {
  it('is known by its id, and a flannel daemon’s by subnet and address', () => {
    const moved = leaseOf(9, { node: { id: 'id-1', name: 'host-1' } });
    for (const lease of [OWN_LEASE, moved, flannel(OWN_LEASE)])
      expect(hostWith([lease])).toMatchObject({ routes: [], peers: [], problems: [] });
  });

  it('that is another host’s is no route while we have the subnet, and one when we have lost it', () => {
    const thief = v4({ subnet: '10.10.1.0/24' });
    expect(hostWith([thief]).problems).toEqual([
      "no route to subnet 10.10.1.0/24 of host-3 (192.168.122.13): its subnet overlaps this host's own, 10.10.1.0/24",
    ]);
    expect(hostWith([thief], { own: {} }).routes.map(({ destination }) => destination)).toEqual([
      '10.10.1.0/24',
    ]);
  });
});

describe('a lease that makes no sense', () => {
  it.each([
    ['another backend', v4({}, leaseOf(3, { backendType: 'wireguard' })), '"wireguard", and only'],
    ['no CIDR', v4({ subnet: '10.10.3.0' }), 'its subnet is no IPv4 CIDR'],
    ['a CIDR of the other family', v4({ subnet: 'fd00:10:0:3::/64' }), 'its subnet is no IPv4 CIDR'],
    ['no address', v4({ publicIp: undefined }), 'it has told no IPv4 address'],
    ['half an address', v4({ publicIp: '192.168.122' }), 'its address is no IPv4 address'],
    ['an address of the other family', v4({ publicIp: 'fd00:122::13' }), 'its address is no IPv4 address'],
    ['the default route', v4({ subnet: '0.0.0.0/0' }), 'its subnet lies outside the network 10.10.0.0/16'],
    ['a foreign network', v4({ subnet: '192.168.122.0/25' }), 'outside the network'],
    ['a part of our own', v4({ subnet: '10.10.1.128/25' }), "overlaps this host's own"],
    ['our own address', v4({ publicIp: '192.168.122.11' }), "its address is this host's own"],
    ['an address of nobody', v4({ publicIp: '224.0.0.1' }), 'its address 224.0.0.1 is none of a host'],
    ['a container’s address', v4({ publicIp: '10.10.3.9' }), 'lies in the container network itself'],
  ])('is told of, and the others are kept: %s', (_, bad, reason) => {
    const { peers, routes, problems } = hostWith([bad, leaseOf(2), OWN_LEASE], { config: only('ipv4') });
    expect(routes.map((route) => route.destination)).toEqual(['10.10.2.0/24']);
    expect(peers.filter(({ state }) => state === 'unreachable').map((peer) => peer.reason)).toEqual([
      expect.stringContaining(reason),
    ]);
    expect(problems).toEqual([expect.stringContaining(reason)]);
    expect(problems[0]).toContain(' of host-3');
  });

  it.each(['::ffff:192.0.2.1', '::192.0.2.1', '::1', 'ff02::1'])(
    'is one of an address of nobody: %s',
    (publicIp) => {
      const { ipv6 } = leaseOf(3);
      const lease = leaseOf(3, { ipv6: { ...ipv6, subnet: 'fd00:10:0:3::/64', publicIp } });
      const { routes, peers } = hostWith([lease], { config: only('ipv6', FALLBACK) });
      expect([routes, peers[0]?.reason]).toEqual([[], expect.stringContaining('is none of a host')]);
    },
  );

  it('is one of a family that the host’s link has no address of', () => {
    const { ipv6, ...facts } = HOST_1;
    const { problems, routes } = hostWith([leaseOf(2)], { facts });
    expect(routes).toHaveLength(1);
    expect(problems).toEqual([expect.stringContaining("this host's link eth0.5 has no IPv6 address")]);
  });

  it('is told of by its number among many', () => {
    const many = Array.from({ length: 50 }, (_, i) => farLeaseOf(i + 2));
    const { problems, peers } = hostWith(many, { config: only('ipv4') });
    expect([peers.length, problems.length, problems.at(-1)]).toEqual([50, 21, 'no route to 30 more peers']);
  });
});

describe('remembering', () => {
  it('keeps the very objects of leases that did not change, and says what a fresh start would', () => {
    const leases = [leaseOf(2), farLeaseOf(3), leaseOf(4)];
    const first = hostWith(leases, { config: FALLBACK });
    const changed = [
      ...leases.slice(0, 2),
      leaseOf(4, { ipv4: { subnet: '10.10.4.0/24', publicIp: '192.168.122.99' } }),
    ];
    const second = hostWith(changed, { config: FALLBACK });
    expect(second.routes[0]).toBe(first.routes[0]);
    expect(second.routes[1]).toBe(first.routes[1]);
    expect(second.routes[2]?.gateway).toBe('192.168.122.99');
    expect(second.tunnels[0]?.neighbours[0]).toBe(first.tunnels[0]?.neighbours[0]);
    for (const config of [FALLBACK, OVERLAY, only('ipv6')])
      for (const own of [OWN, {}, { ipv4: '10.10.2.0/24' }])
        for (const facts of [HOST_1, { ...HOST_1, iface: 'eth1' }, { ...HOST_1, id: 'id-2' }])
          expect(hostWith(leases, { config, own, facts })).toEqual(
            hostWith(structuredClone(leases), { config, own, facts }),
          );
  });
});
