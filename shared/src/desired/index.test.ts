import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../model/endpoint.ts';
import type { HostFacts } from '../model/host-facts.ts';
import type { ServiceSpec } from '../model/service.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { desiredHost } from './index.ts';

const FACTS: HostFacts = {
  name: 'host-1',
  id: 'id-1',
  iface: 'eth0.5',
  publicIp: '192.168.122.11',
  ifaceSubnet: '192.168.122.0/24',
  mtu: 1450,
};

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
  return {
    config: {
      ...{ network: '10.10.0.0/16', subnetLen: 24, backend: 'host-gw' },
      ...{ subnetMin: '10.10.1.0', subnetMax: '10.10.255.0' },
    },
    settings: { serviceRange: '10.96.0.0/16', nodePortMin: 30000, nodePortMax: 32767 },
    leases: [],
    services,
    endpoints: new Map(
      Object.entries(endpoints).map(([name, all]) => [
        name,
        { service: name, endpoints: all, unresolved: [] },
      ]),
    ),
    containers: [],
    ...{ networkRevision: 1, servicesRevision: 2 },
  };
}

const desired = (...args: Parameters<typeof snapshot>) =>
  desiredHost(snapshot(...args), FACTS, '10.10.1.0/24');

describe('desiredHost', () => {
  it('has the gateway on the bridge, and the sysctls', () => {
    const host = desired([]);
    expect(host.bridge).toEqual({ name: 'cwy0', address: '10.10.1.1/24', mtu: 1450 });
    expect(host.sysctls).toEqual({
      'net/ipv4/ip_forward': '1',
      'net/bridge/bridge-nf-call-iptables': '1',
      'net/ipv4/conf/all/send_redirects': '0',
      'net/ipv4/conf/eth0.5/send_redirects': '0',
    });
    expect(host.problems).toEqual([]);
  });

  it('refuses a subnet that is none', () => {
    expect(() => desiredHost(snapshot([]), FACTS, '10.10.1.0')).toThrow('subnet "10.10.1.0" is no IPv4 CIDR');
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
    const { firewall, problems } = desiredHost(
      { ...before, settings: { ...before.settings, serviceRange } },
      FACTS,
      '10.10.1.0/24',
    );
    expect(problems).toEqual([
      `unused addresses of the service range ${serviceRange} are not dropped: it overlaps ${whose}`,
    ]);
    expect(firewall).not.toHaveProperty('serviceRange');
    expect(firewall.services.map(({ id }) => id)).toEqual(['good']);
  });

  it('keeps the intents of what did not change, and says of the rest what a fresh start would', () => {
    const a = service('a', { vip: '2.2.2.2' });
    const before = snapshot([a, service('b')], { a: [endpoint('10.10.1.2', 80)], b: [endpoint('bad', 80)] });
    const read = (after: Snapshot, facts = FACTS) => desiredHost(after, facts, '10.10.1.0/24');
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
      { ...before, config: { ...before.config, network: '2.2.0.0/16' } },
    ])
      for (const facts of [FACTS, { ...FACTS, publicIp: '2.2.2.2' }])
        expect(read(after, facts)).toEqual(read(structuredClone(after), facts));
  });

  it('leaves out an endpoint that cannot be one, and keeps the others', () => {
    const all = [endpoint('10.10.1.2; drop', 80), endpoint('10.10.1.2', 0), endpoint('10.10.1.2', 80)];
    const { firewall, problems } = desired([service('a')], { a: [...all, endpoint('10.96.0.1', 80)] });
    expect(firewall.services[0]?.endpoints).toEqual([{ address: '10.10.1.2', port: 80 }]);
    expect(problems).toHaveLength(3);
  });
});
