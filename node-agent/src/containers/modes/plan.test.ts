import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { NetworkMode } from '@causeway/shared/model/container-network';
import type { ByFamily } from '@causeway/shared/net/family';
import { describe, expect, it } from 'vitest';
import type { ContainerNetwork } from '../host-network.ts';
import { planAddresses } from './plan.ts';

const NETWORK: ContainerNetwork = {
  ...{ bridge: 'cwy0', mtu: 1500 },
  subnets: { ipv4: '10.10.1.0/29', ipv6: 'fd00:10:0:1::/64' },
  gateways: { ipv4: '10.10.1.1', ipv6: 'fd00:10:0:1::1' },
  hostAddresses: { ipv4: '192.168.122.11', ipv6: 'fd00:122::11' },
};
const NOWHERE: ContainerNetwork = { ...NETWORK, subnets: {}, gateways: {} };
const spec = (name: string, network?: NetworkMode): ContainerSpec => ({
  ...{ name, host: 'host-1', command: ['httpd'], files: {} },
  ...(network === undefined ? {} : { network }),
});
const p2p = (peer: string, addresses: object = {}): NetworkMode => ({ kind: 'p2p', peer, ...addresses });
const bridge = (addresses: object): NetworkMode => ({ kind: 'bridge', ...addresses });

/** `10.10.1.2 fd00:10:0:1::2`, or the sentence of an error. */
function planned(
  specs: readonly ContainerSpec[],
  held: Record<string, ByFamily<string>> = {},
  network = NETWORK,
): Record<string, string> {
  const all = planAddresses(specs, new Map(Object.entries(held)), network, new Set());
  return Object.fromEntries(
    [...all].map(([name, one]) => [
      name,
      one instanceof CausewayError ? one.message : [one.ipv4 ?? '-', one.ipv6 ?? '-'].join(' '),
    ]),
  );
}

describe('addresses of containers in every mode', () => {
  it('are leased, chosen, the host’s, another container’s, or none', () => {
    const given = { addresses: ['192.168.122.50/24'], gateways: [] };
    const specs = [
      spec('plain'),
      spec('fixed', bridge({ address: '10.10.1.5', ipv6Address: 'fd00:10:0:1::50' })),
      spec('of-host', { kind: 'host' }),
      spec('alone', { kind: 'none' }),
      spec('beside', { kind: 'container', container: 'fixed' }),
      spec('outside', { kind: 'macvlan', device: 'eth1', ...given }),
    ];
    expect(planned(specs)).toEqual({
      plain: '10.10.1.2 fd00:10:0:1::2',
      fixed: '10.10.1.5 fd00:10:0:1::50',
      'of-host': '192.168.122.11 fd00:122::11',
      alone: '- -',
      beside: '10.10.1.5 fd00:10:0:1::50',
      outside: '192.168.122.50 -',
    });
  });

  it('at the ends of a point-to-point link are leased or chosen, also for one that would have no network', () => {
    const specs = [
      spec('a', p2p('b', { address: '10.0.0.1' })),
      spec('b', { kind: 'none' }),
      spec('c', { kind: 'none' }),
    ];
    expect(planned(specs)).toEqual({ a: '10.0.0.1 fd00:10:0:1::2', b: '10.10.1.2 fd00:10:0:1::3', c: '- -' });
    expect(planned([spec('a', p2p('b', { address: '10.0.0.1' })), spec('b', p2p('a'))], {}, NOWHERE)).toEqual(
      {
        a: '10.0.0.1 -',
        b: expect.stringContaining('container b is not started: this host has no subnet'),
      },
    );
  });

  it('of another mode that a record remembers are not in the way', () => {
    const specs = [spec('a', { kind: 'container', container: 'b' }), spec('b'), spec('c', { kind: 'none' })];
    const held = { a: { ipv4: '10.10.1.2' }, b: { ipv4: '10.10.1.2' }, c: { ipv4: '10.10.1.3' } };
    expect(planned([...specs, spec('d')], held)).toMatchObject({
      b: '10.10.1.2 fd00:10:0:1::2',
      d: expect.stringMatching(/^10\.10\.1\.3 /),
    });
  });

  it('that a container had are free once it is gone, and not before', () => {
    const full = [2, 3, 4, 5, 6].map((n) => [`old-${n}`, { ipv4: `10.10.1.${n}` }] as const);
    expect(planned([spec('a')], Object.fromEntries(full)).a).toBe(
      'choosing an IPv4 address for container a: all 5 addresses of 10.10.1.0/29 are taken',
    );
    expect(planned([spec('a')], Object.fromEntries(full.slice(1))).a).toMatch(/^10\.10\.1\.2 /);
  });
});

describe('a chosen link-layer address', () => {
  const mac = '02:00:00:00:00:77';
  const chosen = (name: string, more: object = {}) => spec(name, bridge({ mac, ...more }));
  const text = `network.mac "${mac}" is taken: it is that of container`;

  it('is one container’s of the bridge: whoever runs has it, and else the first by name', () => {
    expect(planned([chosen('b'), chosen('a')])).toEqual({
      a: expect.stringMatching(/^10\.10\.1\./),
      b: `container b: ${text} a`,
    });
    const given = (running: string[]) =>
      planAddresses([chosen('a'), chosen('b')], new Map(), NETWORK, new Set(running));
    expect(String(given(['b']).get('a'))).toContain(`container a: ${text} b`);
    for (const name of ['a', 'b']) expect(given(['a', 'b']).get(name)).not.toBeInstanceOf(CausewayError);
  });

  it('is none that is made of another’s address, nor the bridge’s', () => {
    const made = chosen('a', { mac: '0a:58:0a:0a:01:03', address: '10.10.1.2' });
    expect(planned([made, spec('b')]).a).toContain('network.mac "0a:58:0a:0a:01:03" is taken');
    expect(planned([made]).a).toMatch(/^10\.10\.1\.2 /);
    expect(planned([chosen('a', { mac: '0a:58:0a:0a:01:01' })]).a).toContain('that of the gateway');
  });
});

describe('a chosen address', () => {
  const chosen = (address: string, others: readonly ContainerSpec[] = [], held = {}) =>
    planned([...others, spec('a', bridge({ address }))], held).a;

  it('is kept over restarts, and moves nobody', () => {
    expect(chosen('10.10.1.2', [spec('b')])).toMatch(/^10\.10\.1\.2 /);
    const held = { a: { ipv4: '10.10.1.2' }, b: { ipv4: '10.10.1.3' } };
    expect(chosen('10.10.1.2', [spec('b')], held)).toMatch(/^10\.10\.1\.2 /);
    expect(chosen('10.10.1.3', [spec('b')], held)).toBe(
      'container a: network.address "10.10.1.3" is taken: it is that of container b',
    );
  });

  it('is freed by whoever chooses another one', () => {
    const held = { a: { ipv4: '10.10.1.2' } };
    const specs = [spec('a', bridge({ address: '10.10.1.4' })), spec('b', bridge({ address: '10.10.1.2' }))];
    expect(planned(specs, held)).toMatchObject({
      a: expect.stringMatching(/^10\.10\.1\.4 /),
      b: expect.stringMatching(/^10\.10\.1\.2 /),
    });
  });

  it.each([
    ['10.10.2.2', 'is not in 10.10.1.0/29, the IPv4 subnet of its host'],
    ['10.10.1.1', 'is taken: it is that of the gateway, the host’s bridge'],
    ['10.10.1.0', 'is taken: it is that of the subnet itself'],
    ['10.10.1.7', 'is taken: it is that of all hosts of the subnet (broadcast)'],
    ['10.10.1', 'is not in 10.10.1.0/29'],
  ])('%s is refused with its field and value', (address, reason) => {
    expect(chosen(address)).toContain(`container a: network.address "${address}" ${reason}`);
  });

  it('of the second family is refused in its own words, and on a host without that family', () => {
    const wish = spec('a', bridge({ ipv6Address: 'fd00:10:0:1::1' }));
    expect(planned([wish]).a).toBe(
      'container a: network.ipv6Address "fd00:10:0:1::1" is taken: it is that of the gateway, the host’s bridge',
    );
    const v4 = { ...NETWORK, subnets: { ipv4: '10.10.1.0/29' }, gateways: { ipv4: '10.10.1.1' } };
    expect(planned([wish], {}, v4).a).toBe(
      'container a: network.ipv6Address "fd00:10:0:1::1" is of a family that its host has no subnet of',
    );
  });

  it('that two choose is the first one’s', () => {
    const both = ['a', 'b'].map((name) => spec(name, bridge({ address: '10.10.1.4' })));
    expect(planned(both)).toEqual({
      a: expect.stringMatching(/^10\.10\.1\.4 /),
      b: 'container b: network.address "10.10.1.4" is taken: it is that of container a',
    });
    expect(planned(both, { b: { ipv4: '10.10.1.4' } })).toEqual({
      a: 'container a: network.address "10.10.1.4" is taken: it is that of container b',
      b: expect.stringMatching(/^10\.10\.1\.4 /),
    });
  });
});

describe('a container that is named and cannot be used', () => {
  const others = [
    spec('on-host', { kind: 'host' }),
    spec('shared', { kind: 'container', container: 'plain' }),
    spec('plain'),
  ];
  it.each([
    [
      { kind: 'container', container: 'gone' },
      'network "container:gone" of container a: there is no container gone on this host',
    ],
    [
      { kind: 'container', container: 'a' },
      'network "container:a" of container a: that is the container itself',
    ],
    [{ kind: 'container', container: 'on-host' }, "on-host has no network of its own: it uses the host's"],
    [
      { kind: 'container', container: 'shared' },
      'shared has no network of its own: it uses that of plain, name that one',
    ],
    [p2p('a'), 'network "p2p:a" of container a: that is the container itself'],
    [p2p('gone'), 'network "p2p:gone" of container a: there is no container gone on this host'],
    [p2p('on-host'), "on-host has no network of its own: it uses the host's"],
  ] as const)('%j', (network, sentence) => {
    expect(planned([...others, spec('a', network)]).a).toContain(sentence);
  });

  it('has an address that both ends of a link were given', () => {
    const both = [spec('a', p2p('b', { address: '10.0.0.1' })), spec('b', p2p('a', { address: '10.0.0.1' }))];
    expect(planned(both).a).toBe('container a: network.address "10.0.0.1" is that of its peer b too');
  });

  it('is waited for when it has no address itself', () => {
    const target = spec('t', bridge({ address: '10.10.1.1' }));
    expect(planned([spec('a', { kind: 'container', container: 't' }), target]).a).toBe('- -');
  });
});
