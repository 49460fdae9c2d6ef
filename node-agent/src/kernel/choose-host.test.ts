import { familyOf } from '@causeway/shared/net/block';
import { describe, expect, it } from 'vitest';
import { chooseHost, type HostAddress, type HostListing } from './choose-host.ts';
import type { FactsRequest } from './kernel.ts';

const address = (link: string, text: string, more: Partial<HostAddress> = {}): HostAddress => {
  const [plain = '', length] = text.split('/');
  const family = familyOf(plain) ?? 'ipv4';
  const prefixLength = Number(length);
  return { link, family, address: plain, prefixLength, use: 'usable', secondary: false, ...more };
};

/** Two links of a host; the default routes are eth0's. */
const LISTING: HostListing = {
  links: [
    { name: 'lo', mtu: 65_536, up: true },
    { name: 'eth0', mtu: 1500, up: true },
    { name: 'eth1', mtu: 9000, up: true },
    { name: 'cwy0', mtu: 1500, up: true },
    { name: 'bare0', mtu: 1500, up: true },
  ],
  addresses: [
    address('lo', '127.0.0.1/8', { use: 'local' }),
    address('eth0', '192.168.122.11/24'),
    address('eth0', '192.168.122.12/24', { secondary: true }),
    address('eth0', 'fd00:122::9/64', { use: 'passing' }),
    address('eth0', 'fd00:122::b/64'),
    address('eth0', 'fe80::b/64', { use: 'local' }),
    address('eth1', '10.0.0.11/16'),
    address('eth1', 'fd00:1::b/64'),
    address('cwy0', '10.10.1.1/24'),
  ],
  defaults: ['eth0', 'eth0'],
};
const REQUEST: FactsRequest = { name: 'host-1', id: 'one' };
const choose = (request: Partial<FactsRequest> = {}, listing: Partial<HostListing> = {}) =>
  chooseHost({ ...REQUEST, ...request }, { ...LISTING, ...listing });
/** Link and both addresses. */
const chosen = (request?: Partial<FactsRequest>, listing?: Partial<HostListing>) => {
  const { facts } = choose(request, listing);
  return [facts.iface, facts.ipv4?.publicIp, facts.ipv6?.publicIp];
};
const without = (...texts: string[]): Partial<HostListing> => ({
  addresses: LISTING.addresses.filter((one) => !texts.includes(one.address)),
});
const eth0 = choose().facts;
const eth1 = choose({ iface: 'eth1' }).facts;

describe('the link and its addresses', () => {
  it('are those of the default route, with their networks and the MTU', () => {
    expect(choose()).toEqual({
      facts: {
        ...{ name: 'host-1', id: 'one', iface: 'eth0', mtu: 1500 },
        ipv4: { publicIp: '192.168.122.11', network: '192.168.122.0/24' },
        ipv6: { publicIp: 'fd00:122::b', network: 'fd00:122::/64' },
      },
      addresses: [
        ...['10.0.0.11', '192.168.122.11', '192.168.122.12'],
        ...['fd00:122::9', 'fd00:122::b', 'fd00:1::b'],
      ],
      problems: [],
    });
    expect(chosen({}, { defaults: ['bare0', 'eth1'] })[0]).toBe('eth1');
    expect(choose({}, without('fd00:122::b')).facts.ipv6).toBeUndefined();
  });

  it.each<[Partial<FactsRequest>, readonly (string | undefined)[]]>([
    [{ iface: 'eth1' }, ['eth1', '10.0.0.11', 'fd00:1::b']],
    [{ iface: '192.168.122.12' }, ['eth0', '192.168.122.12', 'fd00:122::b']],
    [{ iface: 'fd00:122::9' }, ['eth0', '192.168.122.11', 'fd00:122::9']],
    [{ ifacePattern: '^10\\.0\\.' }, ['eth1', '10.0.0.11', 'fd00:1::b']],
    [{ ifacePattern: '\\.12$' }, ['eth0', '192.168.122.12', 'fd00:122::b']],
    [{ ifacePattern: '^fd00:1:' }, ['eth1', '10.0.0.11', 'fd00:1::b']],
    [{ ifacePattern: '^(bare|eth1)' }, ['eth1', '10.0.0.11', 'fd00:1::b']],
    [{ canReach: '10.0.0.1' }, ['eth1', '10.0.0.11', 'fd00:1::b']],
    [{ publicIp: '10.0.0.11' }, ['eth1', '10.0.0.11', 'fd00:1::b']],
    [{ publicIpv6: 'fd00:1::b' }, ['eth1', '10.0.0.11', 'fd00:1::b']],
    [{ iface: 'eth0', publicIp: '192.168.122.12' }, ['eth0', '192.168.122.12', 'fd00:122::b']],
    [{ iface: 'eth1', ifacePattern: 'eth0', canReach: '1.1.1.1' }, ['eth1', '10.0.0.11', 'fd00:1::b']],
    [{ ifacePattern: 'eth0', canReach: '10.0.0.1' }, ['eth0', '192.168.122.11', 'fd00:122::b']],
  ])('are those asked for: %o', (request, expected) => {
    expect(chosen(request, { reach: { link: 'eth1', source: '10.0.0.11' } })).toEqual(expected);
  });

  it.each<[Partial<FactsRequest>, Partial<HostListing>, string]>([
    [{ iface: 'eth7' }, {}, '--iface "eth7" is no link of this host'],
    [{ iface: '10.9.9.9' }, {}, '--iface "10.9.9.9" is no address of this host'],
    [{ iface: 'fe80::b' }, {}, '--iface "fe80::b" is no address of this host'],
    [{ iface: 'bare0' }, {}, '--iface "bare0" is a link without an address that other hosts could reach'],
    [
      { ifacePattern: '^wlan' },
      {},
      '--iface-regex "^wlan" matches none of this host\'s links and addresses: ' +
        'eth0 (192.168.122.11, 192.168.122.12, fd00:122::b), eth1 (10.0.0.11, fd00:1::b)',
    ],
    [
      { ifacePattern: '^cwy' },
      { addresses: [] },
      '--iface-regex "^cwy" matches none of this host\'s links and addresses: none has an address',
    ],
    [
      { canReach: '203.0.113.1' },
      {},
      '--iface-can-reach "203.0.113.1" is an address that no route of this host leads to',
    ],
    [
      { canReach: '10.0.0.11' },
      { reach: { link: 'lo' } },
      '--iface-can-reach "10.0.0.11" is an address of this host itself, and tells no link',
    ],
    [
      { canReach: '10.0.0.1' },
      { reach: { link: 'bare0' } },
      '--iface-can-reach "10.0.0.1" is reached by the link bare0, which has no address of its own',
    ],
    [{ publicIp: '10.9.9.9' }, {}, '--public-ip "10.9.9.9" is no address of this host'],
    [{ publicIpv6: 'fd00::7' }, {}, '--public-ipv6 "fd00::7" is no address of this host'],
    [{ iface: 'eth0', publicIp: '10.0.0.11' }, {}, '--public-ip "10.0.0.11" is no address of the link eth0'],
    [
      { iface: 'eth1', publicIpv6: 'fd00:122::b' },
      {},
      '--public-ipv6 "fd00:122::b" is no address of the link eth1',
    ],
    [
      {},
      { defaults: [] },
      'choosing the link to the other hosts by the default route: there is no default route; name the link with --iface',
    ],
    [
      {},
      { defaults: ['bare0'] },
      'choosing the link to the other hosts by the default route: its link has no address; name the link with --iface',
    ],
  ])('are refused in one sentence: %o', (request, listing, sentence) => {
    expect(() => choose(request, listing)).toThrow(expect.objectContaining({ message: sentence }));
  });
});

describe('what was chosen before', () => {
  it('stays when another default route, another way or an address before it appears', () => {
    expect(chosen({ known: eth1 }, { defaults: ['eth0'] })[0]).toBe('eth1');
    expect(chosen({ known: eth1, canReach: '1.1.1.1' }, { reach: { link: 'eth0' } })[0]).toBe('eth1');
    const known = { ...eth0, ipv4: { publicIp: '192.168.122.12', network: '192.168.122.0/24' } };
    expect(chosen({ known })[1]).toBe('192.168.122.12');
    expect(chosen({ known, ifacePattern: '^192' })[1]).toBe('192.168.122.12');
    expect(chosen({ known: eth1, ifacePattern: '^(10|192)\\.' })[0]).toBe('eth1');
    expect(chosen({ known: eth1, ifacePattern: '^eth' })[0]).toBe('eth1');
  });

  it('gives way to what is named', () => {
    expect(chosen({ known: eth1, iface: 'eth0' })[0]).toBe('eth0');
    expect(chosen({ known: eth1, ifacePattern: '^192' })[0]).toBe('eth0');
    expect(chosen({ known: eth1, publicIp: '192.168.122.11' })[0]).toBe('eth0');
    expect(() => choose({ known: eth0, iface: '192.168.122.11' }, without('192.168.122.11'))).toThrow(
      '--iface "192.168.122.11" is no address of this host',
    );
  });

  it('gives way to another address when it is gone, or deprecated and not the only one', () => {
    expect(chosen({ known: eth0 }, without('192.168.122.11'))).toEqual([
      ...['eth0', '192.168.122.12', 'fd00:122::b'],
    ]);
    const deprecated = LISTING.addresses.map(
      (one): HostAddress => (one.address === 'fd00:122::b' ? { ...one, use: 'passing' } : one),
    );
    expect(chosen({ known: eth0 }, { addresses: deprecated })[2]).toBe('fd00:122::b');
    const addresses = [...deprecated, address('eth0', 'fd00:122::c/64')];
    expect(chosen({ known: eth0 }, { addresses })[2]).toBe('fd00:122::c');
  });

  it('is kept while the link has none of that family, and that is told', () => {
    const { facts, problems, addresses } = choose({ known: eth0 }, without('fd00:122::b', 'fd00:122::9'));
    expect(facts.ipv6).toEqual(eth0.ipv6);
    expect(addresses).toContain('fd00:122::b');
    expect(problems).toEqual(['the link eth0 has no IPv6 address; the other hosts still know fd00:122::b']);
  });

  it('gives way to another link when its own is gone or empty, but not while it is down', () => {
    const bare = { addresses: LISTING.addresses.filter(({ link }) => link !== 'eth0'), defaults: ['eth1'] };
    expect(chosen({ known: eth0 }, bare)[0]).toBe('eth1');
    const links = LISTING.links.map((link) => ({ ...link, up: link.name !== 'eth0' }));
    expect(chosen({ known: eth0 }, { ...bare, links })).toEqual(['eth0', '192.168.122.11', 'fd00:122::b']);
    const gone = LISTING.links.filter(({ name }) => name !== 'eth0');
    expect(chosen({ known: eth0 }, { ...bare, links: gone })[0]).toBe('eth1');
  });
});
