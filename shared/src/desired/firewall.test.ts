import { describe, expect, it } from 'vitest';
import {
  DUAL_STACK,
  HOST_1,
  OWN,
  only,
  resolved,
  serviceSpec,
  snapshotOf,
} from '../../../test/support/desired-host.ts';
import { endpoint } from '../../../test/support/intents.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { ServiceSpec } from '../model/service.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { FAMILIES } from '../net/family.ts';
import { type Firewalls, firewallIntents } from './firewall.ts';
import type { FirewallIntent } from './intent.ts';

function snapshot(
  services: readonly ServiceSpec[],
  endpoints: Readonly<Record<string, Endpoint[]>> = {},
): Snapshot {
  const sets = Object.entries(endpoints).map(
    ([name, all]) => [name, { service: name, endpoints: all, unresolved: [] }] as const,
  );
  return snapshotOf({ services, endpoints: new Map(sets) });
}

/** The packet filters, and apart the one of IPv4. */
function desired(...args: Parameters<typeof snapshot>): Firewalls & { firewall: FirewallIntent } {
  return read(snapshot(...args));
}

function read(from: Snapshot, facts = HOST_1): Firewalls & { firewall: FirewallIntent } {
  const firewalls = firewallIntents(from, facts, OWN);
  const firewall = firewalls.intents.find(({ family }) => family === 'ipv4');
  if (firewall === undefined) throw new Error('no packet filter for IPv4');
  return { ...firewalls, firewall };
}

const V4 = { network: '10.10.0.0/16', subnetLen: 24, subnetMin: '10.10.1.0', subnetMax: '10.10.255.0' };
const ids = ({ intents }: Firewalls) => intents.map(({ services }) => services.map(({ id }) => id));

/** `10.96.0.N` and `fd00:96::N`, with a NodePort. */
function dual(name: string, n: number, more: Partial<ServiceSpec> = {}): ServiceSpec {
  const port = { name: '', protocol: 'tcp' as const, port: 80, targetPort: 80, nodePort: 30000 + n };
  const vips = [`10.96.0.${n}`, `fd00:96::${n}`];
  return serviceSpec(name, { vips, families: FAMILIES, ports: [port], ...more });
}

describe('the services of a host', () => {
  it('are in the families of their VIPs, by id', () => {
    const six = serviceSpec('six', { vips: ['fd00:96:0::1'], families: ['ipv6'] });
    const ports = [
      { name: 'b', protocol: 'udp' as const, port: 53, targetPort: 53 },
      { name: 'a', protocol: 'tcp' as const, port: 53, targetPort: 53 },
    ];
    const host = desired([six, serviceSpec('four', { vips: ['10.96.0.4'] }), dual('dual', 7, { ports })]);
    expect(ids(host)).toEqual([
      ['dual:a', 'dual:b', 'four'],
      ['dual:a', 'dual:b', 'six'],
    ]);
    expect(host.problems).toEqual([]);
  });

  it('are left out, and told, in a family that the network has not', () => {
    for (const [family, other, name] of [
      ['ipv4', 'ipv6', 'IPv6'],
      ['ipv6', 'ipv4', 'IPv4'],
    ] as const) {
      const services = [dual('dual', 1), dual('open', 2, { vips: [] })];
      const host = firewallIntents(snapshotOf({ services, config: only(family) }), HOST_1, OWN);
      expect(ids(host)).toEqual([['dual', 'open']]);
      expect(host.intents.map((intent) => intent.family)).not.toContain(other);
      expect(host.problems).toEqual([
        `service "dual" is left out: the network has no ${name}`,
        `service "open" is left out: the network has no ${name}`,
      ]);
    }
  });

  it.each([
    ['10.10.7.7', 'fd00:96::1', 'lies in the container network', [[], ['dual']]],
    ['10.96.0.1', 'fd00:10:0:7::7', 'lies in the container network', [['dual'], []]],
    ['192.168.122.11', 'fd00:96::1', "is this host's own address", [[], ['dual']]],
    ['10.96.0.1', 'fd00:122::11', "is this host's own address", [['dual'], []]],
    ['10.96.0.1', 'fd00:122::', 'lies in the network fd00:122::/64', [['dual'], []]],
    ['10.96.0.1', 'fd00:122::ffff:ffff:ffff:ffff', 'lies in the network fd00:122::/64', [['dual'], []]],
  ])(
    'keep the VIP of one family where that of the other cannot be: %s, %s',
    (four, six, reason, expected) => {
      const host = desired([dual('dual', 1, { vips: [four, six] })]);
      expect(ids(host)).toEqual(expected);
      expect(host.problems).toEqual([expect.stringMatching(/^service "dual" is left out: its VIP /)]);
      expect(host.problems[0]).toContain(reason);
    },
  );

  it('keep, the first by id, what two of them claim in one family', () => {
    const twins = [dual('b', 1), serviceSpec('a', { vips: ['fd00:96::1'], families: ['ipv6'] })];
    const host = desired(twins);
    expect(ids(host)).toEqual([['b'], ['a']]);
    expect(host.problems).toEqual(['service "b" is left out: fd00:96::1 tcp 80 is taken by "a"']);

    const ports = [{ name: '', protocol: 'tcp' as const, port: 81, targetPort: 80, nodePort: 30001 }];
    const open = serviceSpec('a', { vips: [], families: ['ipv4'], ports });
    const apart = desired([dual('b', 1), open]);
    expect(ids(apart)).toEqual([['a'], ['b']]);
    expect(apart.problems).toEqual(['service "b" is left out: NodePort tcp 30001 is taken by "a"']);
  });

  it.each([
    ['a name that breaks out', serviceSpec('x"; flush ruleset #'), 'its name'],
    ['a name with a new line', serviceSpec('x\n-A INPUT -j DROP'), 'its name'],
    ['a VIP that is none', serviceSpec('x', { vips: ['2.2.2.2 accept'] }), 'its VIP'],
    ['a VIP among the containers', serviceSpec('x', { vips: ['10.10.7.7'] }), 'container network'],
    ['an IPv6 VIP among the containers', serviceSpec('x', { vips: ['fd00:10:0:7::7'] }), 'container network'],
    [
      'an IPv6 VIP that is the host',
      serviceSpec('x', { vips: ['fd00:122::11'] }),
      "is this host's own address",
    ],
    [
      'an IPv6 VIP among the hosts',
      serviceSpec('x', { vips: ['fd00:122::99'] }),
      'lies in the network fd00:122::/64',
    ],
    ['a VIP that is the host', serviceSpec('x', { vips: ['192.168.122.11'] }), "host's own address"],
    [
      'a VIP among the hosts',
      serviceSpec('x', { vips: ['192.168.122.99'] }),
      'service "x" is left out: its VIP 192.168.122.99 lies in the network 192.168.122.0/24 of this host\'s link eth0.5',
    ],
    ['a VIP and port that are taken', serviceSpec('x', { vips: ['2.2.2.2'] }), 'taken by "good"'],
  ])('leaves out %s, says so, and keeps the others', (_, bad, reason) => {
    const { firewall, problems } = desired([bad, serviceSpec('good', { vips: ['2.2.2.2'] })]);
    expect(firewall.services.map(({ id }) => id)).toEqual(['good']);
    expect(problems).toEqual([expect.stringContaining(reason)]);
    expect(problems[0]).not.toContain('\n');
  });

  it.each([
    ['192.168.122.128/25', "the network 192.168.122.0/24 of this host's link eth0.5"],
    ['192.168.0.0/16', "the network 192.168.122.0/24 of this host's link eth0.5"],
    ['10.10.0.0/20', 'the container network'],
  ])('drops nothing of a service range that others are in: %s', (serviceRange, whose) => {
    const before = snapshot([serviceSpec('good')]);
    const { firewall, problems } = read({ ...before, settings: { ...before.settings, serviceRange } });
    expect(problems).toEqual([
      `unused addresses of the service range ${serviceRange} are not dropped: it overlaps ${whose}`,
    ]);
    expect(firewall).not.toHaveProperty('serviceRange');
    expect(firewall.services.map(({ id }) => id)).toEqual(['good']);
  });

  it('keeps the intents of what did not change, and says of the rest what a fresh start would', () => {
    const a = serviceSpec('a', { vips: ['2.2.2.2'] });
    const before = snapshot([a, serviceSpec('b')], {
      a: [resolved('10.10.1.2', 80)],
      b: [resolved('bad', 80)],
    });
    const first = read(before);

    const endpoints = new Map(before.endpoints);
    endpoints.set('b', { service: 'b', endpoints: [resolved('10.10.2.2', 80)], unresolved: [] });
    const second = read({ ...before, endpoints });
    expect(second.firewall.services[0]).toBe(first.firewall.services[0]);
    expect(second.firewall.services[1]?.endpoints).toEqual([endpoint('10.10.2.2', 80)]);
    expect([first.problems.length, second.problems]).toEqual([1, []]);

    for (const after of [
      before,
      { ...before, services: [serviceSpec('a0', { vips: ['2.2.2.2'] }), ...before.services] },
      { ...before, config: { ...DUAL_STACK, ipv4: { ...V4, network: '2.2.0.0/16' } } },
    ])
      for (const facts of [HOST_1, { ...HOST_1, ipv4: { publicIp: '2.2.2.2', network: '2.2.2.0/24' } }])
        expect(read(after, facts)).toEqual(read(structuredClone(after), facts));
  });

  it('have no NodePort in a family of which no address may serve them', () => {
    const services = [dual('a', 1), dual('b', 2)];
    const before = snapshot(services);
    const told = (nodePortCidrs?: readonly string[]) =>
      read({
        ...before,
        settings: { ...before.settings, ...(nodePortCidrs === undefined ? {} : { nodePortCidrs }) },
      });
    const served = (host: Firewalls) =>
      host.intents.map((intent) => intent.services.map(({ nodePort }) => nodePort));
    const [all, none] = [
      [30001, 30002],
      [undefined, undefined],
    ];
    for (const [cidrs, wanted, expected] of [
      [undefined, [[], []], [all, all]],
      [[], [[], []], [all, all]],
      [
        ['192.168.122.9/24', '192.168.0.0/16', 'fd00:122::/64'],
        [['192.168.0.0/16'], ['fd00:122::/64']],
        [all, all],
      ],
      [['192.168.122.0/24'], [['192.168.122.0/24'], []], [all, none]],
      [['fd00:122::/64'], [[], ['fd00:122::/64']], [none, all]],
      [
        ['0.0.0.0/0', '10.0.0.0/8', '::/0'],
        [[], []],
        [all, all],
      ],
    ] as const) {
      const host = told(cidrs);
      expect(host.intents.map((intent) => intent.nodePortCidrs)).toEqual(wanted);
      expect(served(host)).toEqual(expected);
      expect(host.problems).toEqual([]);
      expect(host.intents.map((intent) => intent.services[0]?.vip)).toEqual(['10.96.0.1', 'fd00:96::1']);
    }
    expect(told(['192.168.122.0/24']).intents[1]?.services[0]).toBe(
      told(['192.168.122.0/24']).intents[1]?.services[0],
    );
    const wrong = told(['x']);
    expect(served(wrong)).toEqual([none, none]);
    expect(wrong.problems).toEqual(['nodePortCidrs: "x" is left out: it is no CIDR']);
  });

  it('have a range per family of which the unused addresses are dropped', () => {
    const before = snapshot([]);
    const ranges = (settings: Partial<Snapshot['settings']>) => {
      const { intents, problems } = read({ ...before, settings: { ...before.settings, ...settings } });
      return [...intents.map(({ serviceRange }) => serviceRange), ...problems];
    };
    expect(ranges({})).toEqual(['10.96.0.0/16', 'fd00:96::/112']);
    expect(ranges({ serviceRangeIpv6: 'FD00:97:0::1/112' })).toEqual(['10.96.0.0/16', 'fd00:97::/112']);
    expect(ranges({ serviceRangeIpv6: 'fd00:10::/32' })).toEqual([
      ...['10.96.0.0/16', undefined],
      'unused addresses of the service range fd00:10::/32 are not dropped: it overlaps the container network',
    ]);
    expect(ranges({ serviceRange: 'fd00:97::/112' })).toEqual([undefined, 'fd00:96::/112']);
    const { serviceRangeIpv6: _, ...settings } = before.settings;
    expect(read({ ...before, settings }).intents.map((intent) => 'serviceRange' in intent)).toEqual([
      true,
      false,
    ]);
  });
});
