import { describe, expect, it } from 'vitest';
import { DUAL_STACK, HOST_1, leaseOf, OWN, only, snapshotOf } from '../../../test/support/desired-host.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { ServiceSpec } from '../model/service.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { DesiredHost } from './host.ts';
import { desiredHost } from './index.ts';
import type { FirewallIntent } from './intent.ts';

const V4 = { network: '10.10.0.0/16', subnetLen: 24, subnetMin: '10.10.1.0', subnetMax: '10.10.255.0' };

function service(name: string, more: Partial<ServiceSpec> = {}): ServiceSpec {
  const port = { name: '', protocol: 'tcp' as const, port: 80, targetPort: 8080 };
  return { name, vip: '10.96.0.1', ports: [port], endpoints: [], createdAt: '2026-01-01T00:00:00Z', ...more };
}

function endpoint(address: string, port: number, portName = ''): Endpoint {
  return { portName, address, port, ref: `${address}:${port}` };
}

function snapshot(
  services: readonly ServiceSpec[],
  endpoints: Readonly<Record<string, Endpoint[]>> = {},
): Snapshot {
  const sets = Object.entries(endpoints).map(
    ([name, all]) => [name, { service: name, endpoints: all, unresolved: [] }] as const,
  );
  return snapshotOf({ services, endpoints: new Map(sets) });
}

/** The desired host, and of its packet filters the one of IPv4. */
function desired(...args: Parameters<typeof snapshot>): DesiredHost & { firewall: FirewallIntent } {
  return read(snapshot(...args));
}

function read(from: Snapshot, facts = HOST_1): DesiredHost & { firewall: FirewallIntent } {
  const host = desiredHost(from, facts, OWN);
  const firewall = host.firewalls.find(({ family }) => family === 'ipv4');
  if (firewall === undefined) throw new Error('no packet filter for IPv4');
  return { ...host, firewall };
}

describe('desiredHost', () => {
  it('has the gateways on the bridge', () => {
    const { bridge, problems } = desired([]);
    expect(bridge).toEqual({
      name: 'cwy0',
      addresses: ['10.10.1.1/24', 'fd00:10:0:1::1/64'],
      mtu: 1500,
    });
    expect(problems).toEqual([]);
  });

  it('has neither without a subnet: it waits for one, or was fenced', () => {
    const { bridge, firewalls, routes } = desiredHost(snapshotOf({ leases: [leaseOf(2)] }), HOST_1, {});
    expect(bridge.addresses).toEqual([]);
    expect(firewalls.map((one) => 'subnet' in one)).toEqual([false, false]);
    expect(routes).toHaveLength(2);
  });

  it('refuses a subnet that is none', () => {
    for (const [own, text] of [
      [{ ipv4: '10.10.1.0' }, 'subnet "10.10.1.0" is no IPv4 CIDR'],
      [{ ipv6: '10.10.1.0/24' }, 'subnet "10.10.1.0/24" is no IPv6 CIDR'],
    ] as const)
      expect(() => desiredHost(snapshotOf(), HOST_1, own)).toThrow(text);
  });

  it('has a packet filter per family, with the destinations of its own that are not masqueraded', () => {
    const nonMasqueradeCidrs = ['192.0.2.7/24', 'fd99::/16', '10.0.0.0/8', '192.0.2.0/24', 'x'];
    const config = { ...DUAL_STACK, masquerade: false, nonMasqueradeCidrs };
    const { firewalls, problems } = desiredHost(snapshotOf({ config }), HOST_1, OWN);
    const shared = { bridge: 'cwy0', mark: 0x2000, masquerade: false, services: [] };
    expect(firewalls).toEqual([
      {
        ...{ ...shared, family: 'ipv4', network: '10.10.0.0/16', subnet: '10.10.1.0/24' },
        ...{ nonMasqueradeCidrs: ['10.0.0.0/8', '192.0.2.0/24'], serviceRange: '10.96.0.0/16' },
      },
      {
        ...{ ...shared, family: 'ipv6', network: 'fd00:10::/48', subnet: 'fd00:10:0:1::/64' },
        nonMasqueradeCidrs: ['fd99::/16'],
      },
    ]);
    expect(problems).toEqual(['nonMasqueradeCIDRs: "x" is left out: it is no CIDR']);
  });

  it('has a service in the family of its VIP, or of its endpoints', () => {
    const port = { name: '', protocol: 'tcp' as const, port: 80, targetPort: 80, nodePort: 30080 };
    const { vip, ...open } = service('open', { ports: [port] });
    const host = desired([service('four'), service('six', { vip: 'fd00:96:0::1' }), open], {
      four: [endpoint('10.10.2.2', 80), endpoint('fd00:10:0:2::2', 80)],
      six: [endpoint('fd00:10:0:2::3', 80), endpoint('fd00:10:0:2:0::2', 80)],
      open: [endpoint('fd00:10:0:2::2', 80)],
    });
    expect(host.firewalls.map(({ services }) => services.map(({ id }) => id))).toEqual([
      ['four'],
      ['open', 'six'],
    ]);
    expect(host.firewalls[1]?.services[1]).toMatchObject({
      vip: 'fd00:96::1',
      endpoints: [{ address: 'fd00:10:0:2::2' }, { address: 'fd00:10:0:2::3' }],
    });
    expect(host.problems).toEqual([
      'service "four": endpoint "fd00:10:0:2::2:80" is left out: the service is one of IPv4',
    ]);
    const six = desiredHost(snapshotOf({ services: [service('four')], config: only('ipv6') }), HOST_1, OWN);
    expect(six.problems).toEqual(['service "four" is left out: the network has no IPv4']);
  });

  it('has one service per port, by id, its endpoints sorted as numbers and without doubles', () => {
    const ports = [
      { name: 'web', protocol: 'tcp' as const, port: 80, targetPort: 8080, nodePort: 30001 },
      { name: 'dns', protocol: 'udp' as const, port: 53, targetPort: 53 },
    ];
    const { firewall, problems } = desired([service('b', { ports }), service('a', { vip: '2.2.2.2' })], {
      b: [
        endpoint('10.10.10.2', 8080, 'web'),
        endpoint('10.10.2.2', 8081, 'web'),
        endpoint('10.10.2.2', 8080, 'web'),
        endpoint('10.10.2.2', 8080, 'web'),
        endpoint('10.10.2.2', 53, 'dns'),
        endpoint('10.10.2.2', 53, 'gone'),
      ],
    });
    expect(problems).toEqual([]);
    expect(firewall.services).toEqual([
      { id: 'a', vip: '2.2.2.2', protocol: 'tcp', port: 80, endpoints: [] },
      {
        ...{ id: 'b:dns', vip: '10.96.0.1', protocol: 'udp', port: 53 },
        endpoints: [{ address: '10.10.2.2', port: 53 }],
      },
      {
        ...{ id: 'b:web', vip: '10.96.0.1', protocol: 'tcp', port: 80, nodePort: 30001 },
        endpoints: [
          { address: '10.10.2.2', port: 8080 },
          { address: '10.10.2.2', port: 8081 },
          { address: '10.10.10.2', port: 8080 },
        ],
      },
    ]);
  });

  it.each([
    ['a name that breaks out', service('x"; flush ruleset #'), 'its name'],
    ['a name with a new line', service('x\n-A INPUT -j DROP'), 'its name'],
    ['a VIP that is none', service('x', { vip: '2.2.2.2 accept' }), 'its VIP'],
    ['a VIP among the containers', service('x', { vip: '10.10.7.7' }), 'container network'],
    ['an IPv6 VIP among the containers', service('x', { vip: 'fd00:10:0:7::7' }), 'container network'],
    ['an IPv6 VIP that is the host', service('x', { vip: 'fd00:122::11' }), "is this host's own address"],
    [
      'an IPv6 VIP among the hosts',
      service('x', { vip: 'fd00:122::99' }),
      'lies in the network fd00:122::/64',
    ],
    ['a VIP that is the host', service('x', { vip: '192.168.122.11' }), "host's own address"],
    [
      'a VIP among the hosts',
      service('x', { vip: '192.168.122.99' }),
      'service "x" is left out: its VIP 192.168.122.99 lies in the network 192.168.122.0/24 of this host\'s link eth0.5',
    ],
    ['a VIP and port that are taken', service('x', { vip: '2.2.2.2' }), 'taken by "good"'],
  ])('leaves out %s, says so, and keeps the others', (_, bad, reason) => {
    const { firewall, problems } = desired([bad, service('good', { vip: '2.2.2.2' })]);
    expect(firewall.services.map(({ id }) => id)).toEqual(['good']);
    expect(problems).toEqual([expect.stringContaining(reason)]);
    expect(problems[0]).not.toContain('\n');
  });

  it.each([
    ['192.168.122.128/25', "the network 192.168.122.0/24 of this host's link eth0.5"],
    ['192.168.0.0/16', "the network 192.168.122.0/24 of this host's link eth0.5"],
    ['10.10.0.0/20', 'the container network'],
  ])('drops nothing of a service range that others are in: %s', (serviceRange, whose) => {
    const before = snapshot([service('good')]);
    const { firewall, problems } = read({ ...before, settings: { ...before.settings, serviceRange } });
    expect(problems).toEqual([
      `unused addresses of the service range ${serviceRange} are not dropped: it overlaps ${whose}`,
    ]);
    expect(firewall).not.toHaveProperty('serviceRange');
    expect(firewall.services.map(({ id }) => id)).toEqual(['good']);
  });

  it('keeps the intents of what did not change, and says of the rest what a fresh start would', () => {
    const a = service('a', { vip: '2.2.2.2' });
    const before = snapshot([a, service('b')], { a: [endpoint('10.10.1.2', 80)], b: [endpoint('bad', 80)] });
    const first = read(before);

    const endpoints = new Map(before.endpoints);
    endpoints.set('b', { service: 'b', endpoints: [endpoint('10.10.2.2', 80)], unresolved: [] });
    const second = read({ ...before, endpoints });
    expect(second.firewall.services[0]).toBe(first.firewall.services[0]);
    expect(second.firewall.services[1]?.endpoints).toEqual([{ address: '10.10.2.2', port: 80 }]);
    expect([first.problems.length, second.problems]).toEqual([1, []]);

    for (const after of [
      before,
      { ...before, services: [service('a0', { vip: '2.2.2.2' }), ...before.services] },
      { ...before, config: { ...DUAL_STACK, ipv4: { ...V4, network: '2.2.0.0/16' } } },
    ])
      for (const facts of [HOST_1, { ...HOST_1, ipv4: { publicIp: '2.2.2.2', network: '2.2.2.0/24' } }])
        expect(read(after, facts)).toEqual(read(structuredClone(after), facts));
  });

  it('leaves out an endpoint that cannot be one, and keeps the others', () => {
    const all = [endpoint('10.10.1.2; drop', 80), endpoint('10.10.1.2', 0), endpoint('10.10.1.2', 80)];
    const { firewall, problems } = desired([service('a')], { a: [...all, endpoint('10.96.0.1', 80)] });
    expect(firewall.services[0]?.endpoints).toEqual([{ address: '10.10.1.2', port: 80 }]);
    expect(problems).toHaveLength(3);
  });
});
