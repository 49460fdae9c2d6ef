import { describe, expect, it } from 'vitest';
import { parseBlock } from '../net/block.ts';
import { completeNetworkConfig, isSubnetOf, subnetCount } from './network.schema.ts';

describe('completeNetworkConfig', () => {
  it.each([
    [{ network: '10.10.0.0/16' }, '10.10.0.0/16', 24, '10.10.1.0', '10.10.255.0', 255],
    [{ network: '10.10.77.3/16' }, '10.10.0.0/16', 24, '10.10.1.0', '10.10.255.0', 255],
    [{ network: '10.10.0.0/22' }, '10.10.0.0/22', 24, '10.10.1.0', '10.10.3.0', 3],
    [{ network: '10.10.0.0/23' }, '10.10.0.0/23', 25, '10.10.0.128', '10.10.1.128', 3],
    [{ network: '10.10.0.0/28' }, '10.10.0.0/28', 30, '10.10.0.4', '10.10.0.12', 3],
    [{ network: '10.10.0.0/16', subnetLen: 26 }, '10.10.0.0/16', 26, '10.10.0.64', '10.10.255.192', 1023],
    [{ network: '10.10.0.0/16', subnetLen: 0 }, '10.10.0.0/16', 24, '10.10.1.0', '10.10.255.0', 255],
    [
      { network: '10.10.0.0/16', subnetMin: '10.10.0.0', subnetMax: '10.10.1.0' },
      '10.10.0.0/16',
      24,
      '10.10.0.0',
      '10.10.1.0',
      2,
    ],
  ])("completes IPv4's %j by flannel's rules", (input, network, subnetLen, subnetMin, subnetMax, count) => {
    const { ipv4, ipv6 } = completeNetworkConfig({ ipv4: input });
    expect([ipv4, ipv6]).toEqual([{ network, subnetLen, subnetMin, subnetMax }, undefined]);
    expect(ipv4 && subnetCount(ipv4)).toBe(count);
  });

  it.each([
    [{ network: 'fc00::/48' }, 'fc00::/48', 64, 'fc00:0:0:1::', 'fc00:0:0:ffff::', 65_535],
    [
      { network: '2001:cafe:42:0::/56' },
      '2001:cafe:42::/56',
      64,
      '2001:cafe:42:1::',
      '2001:cafe:42:ff::',
      255,
    ],
    [{ network: 'fd00:10::7/62' }, 'fd00:10::/62', 64, 'fd00:10:0:1::', 'fd00:10:0:3::', 3],
    [{ network: 'fd00:10::/63' }, 'fd00:10::/63', 65, 'fd00:10:0:0:8000::', 'fd00:10:0:1:8000::', 3],
    [{ network: 'fd00:10::/124' }, 'fd00:10::/124', 126, 'fd00:10::4', 'fd00:10::c', 3],
    [
      { network: 'fd00:10::/48', subnetLen: 80, subnetMin: '::', subnetMax: 'FD00:10:0:0:2::' },
      'fd00:10::/48',
      80,
      'fd00:10:0:0:1::',
      'fd00:10:0:0:2::',
      2,
    ],
  ])("completes IPv6's %j by flannel's rules", (input, network, subnetLen, subnetMin, subnetMax, count) => {
    const { ipv4, ipv6 } = completeNetworkConfig({ ipv6: input });
    expect([ipv4, ipv6]).toEqual([undefined, { network, subnetLen, subnetMin, subnetMax }]);
    expect(ipv6 && subnetCount(ipv6)).toBe(count);
  });

  it('keeps both families, and counts more subnets than a number can hold one by one', () => {
    const config = completeNetworkConfig({
      ipv4: { network: '10.10.0.0/16' },
      ipv6: { network: 'fd00::/8' },
    });
    expect([config.ipv4?.subnetLen, config.ipv6?.subnetLen]).toEqual([24, 64]);
    expect(config.ipv6 && subnetCount(config.ipv6)).toBe(2 ** 56);
  });

  it.each([
    [{ network: '10.10.0.0' }, 'network', '"10.10.0.0" is not an IPv4 network'],
    [{ network: 'fd00::/48' }, 'network', '"fd00::/48" is not an IPv4 network'],
    [{ network: '' }, 'network', 'network is missing'],
    [{ network: '10.10.0.0/29' }, 'network', '"10.10.0.0/29" is too small'],
    [{ network: '10.10.0.0/30' }, 'network', '"10.10.0.0/30" is too small'],
    [{ network: '0.0.0.0/0' }, 'network', 'overlaps 0.0.0.0/8'],
    [{ network: '127.1.0.0/16' }, 'network', 'overlaps 127.0.0.0/8'],
    [{ network: '239.0.0.0/8' }, 'network', 'overlaps 224.0.0.0/3'],
    [{ network: '10.10.0.0/24', subnetLen: 24 }, 'subnetLen', '24 does not fit the network 10.10.0.0/24'],
    [{ network: '10.10.0.0/24', subnetLen: 31 }, 'subnetLen', '31 does not fit'],
    [{ network: '10.10.0.0/16', subnetLen: 24.5 }, 'subnetLen', '24.5 does not fit'],
    [{ network: '10.10.0.0/16', subnetMin: '10.11.0.0' }, 'subnetMin', 'is not inside'],
    [{ network: '10.10.0.0/16', subnetMax: '10.10.9.1' }, 'subnetMax', 'is not the first address'],
    [{ network: '10.10.0.0/16', subnetMax: 'x' }, 'subnetMax', '"x" is not an IPv4 address'],
    [{ network: '10.10.0.0/16', subnetMin: '10.10.9.0', subnetMax: '10.10.8.0' }, 'subnetMax', 'is below'],
  ])('refuses IPv4 %j in one sentence', (ipv4, field, text) => {
    expect(() => completeNetworkConfig({ ipv4 })).toThrow(
      expect.objectContaining({ code: 'invalid', field, message: expect.stringContaining(text) }),
    );
  });

  it.each([
    [{ network: '10.10.0.0/16' }, 'networkIpv6', '"10.10.0.0/16" is not an IPv6 network'],
    [{ network: 'fd00::/125' }, 'networkIpv6', 'is too small: a /124'],
    [{ network: '::/0' }, 'networkIpv6', 'overlaps ::/8'],
    [{ network: '::ffff:10.0.0.0/104' }, 'networkIpv6', 'overlaps ::/8'],
    [{ network: '64:ff9b::/112' }, 'networkIpv6', 'overlaps ::/8'],
    [{ network: 'fe80::/64' }, 'networkIpv6', 'overlaps fe80::/9'],
    [{ network: 'fec0::/48' }, 'networkIpv6', 'overlaps fe80::/9'],
    [{ network: 'ff00::/16' }, 'networkIpv6', 'overlaps ff00::/8'],
    [{ network: 'fd00::/48', subnetLen: 127 }, 'subnetLenIpv6', '127 does not fit'],
    [{ network: 'fd00::/48', subnetLen: 49 }, 'subnetLenIpv6', 'from 50 (four subnets) to 126'],
    [{ network: 'fd00::/48', subnetMin: '10.0.0.0' }, 'subnetMinIpv6', 'is not an IPv6 address'],
    [{ network: 'fd00::/48', subnetMin: 'fd01::' }, 'subnetMinIpv6', 'is not inside'],
    [{ network: 'fd00::/48', subnetMax: 'fd00::1' }, 'subnetMaxIpv6', 'is not the first address of a /64'],
  ])('refuses IPv6 %j in one sentence', (ipv6, field, text) => {
    expect(() => completeNetworkConfig({ ipv6 })).toThrow(
      expect.objectContaining({ code: 'invalid', field, message: expect.stringContaining(text) }),
    );
  });

  it('refuses a network of no family', () => {
    expect(() => completeNetworkConfig({})).toThrow(
      'network is missing: a network of IPv4, of IPv6 or of both',
    );
  });
});

describe('what goes with a network', () => {
  const ipv4 = { network: '10.10.0.0/16' };
  const complete = (more: object) => completeNetworkConfig({ ipv4, ...more });

  it('is host-gw and masquerade unless it is said otherwise', () => {
    expect(complete({})).toMatchObject({
      backend: { type: 'host-gw', direct: true },
      masquerade: true,
      nonMasqueradeCidrs: [],
    });
    expect(complete({})).not.toHaveProperty('renumber');
  });

  const tunnel = { vni: 1, port: 8472, learning: false, gbp: false };
  it.each([
    [
      { type: 'host-gw', vni: -7, mtu: 1 },
      { type: 'host-gw', direct: true },
    ],
    [
      { type: 'Host-GW', directRouting: false },
      { type: 'host-gw', direct: true },
    ],
    [
      { fallback: 'vxlan', vni: 7 },
      { type: 'host-gw', direct: true, tunnel: { ...tunnel, vni: 7 } },
    ],
    [{ type: 'vxlan' }, { type: 'vxlan', direct: false, tunnel }],
    [
      { type: 'VXLAN', port: 0, mtu: 0 },
      { type: 'vxlan', direct: false, tunnel },
    ],
    [
      {
        type: 'vxlan',
        vni: 0xff_ffff,
        port: 4789,
        mtu: 9000,
        learning: true,
        gbp: true,
        directRouting: true,
      },
      {
        type: 'vxlan',
        direct: true,
        tunnel: { vni: 0xff_ffff, port: 4789, mtu: 9000, learning: true, gbp: true },
      },
    ],
  ])('backend %j → %j', (backend, expected) => expect(complete({ backend }).backend).toEqual(expected));

  it.each([
    [{ type: 'udp' }, 'backend.type', '"udp" is not supported: only "host-gw" and "vxlan" are'],
    [{ fallback: 'udp' }, 'backend.fallback', '"udp" is not supported'],
    [{ type: 'vxlan', fallback: 'vxlan' }, 'backend.fallback', 'is for the backend "host-gw" only'],
    [{ type: 'vxlan', vni: 0x100_0000 }, 'backend.vni', 'from 0 to 16777215'],
    [{ type: 'vxlan', vni: 1.5 }, 'backend.vni', '1.5 is not a whole number'],
    [{ type: 'vxlan', port: 65_536 }, 'backend.port', 'from 1 to 65535'],
    [{ type: 'vxlan', mtu: 117 }, 'backend.mtu', 'from 118 to 65535'],
  ])('refuses backend %j', (backend, field, text) => {
    expect(() => complete({ backend })).toThrow(
      expect.objectContaining({ code: 'invalid', field, message: expect.stringContaining(text) }),
    );
  });

  it('wants room for IPv6 in a tunnel of IPv6', () => {
    const backend = { type: 'vxlan', mtu: 1_349 };
    expect(complete({ backend }).backend.tunnel?.mtu).toBe(1_349);
    expect(() => complete({ ipv6: { network: 'fd00::/48' }, backend })).toThrow('from 1350 to');
  });

  it('has canonical destinations, each once', () => {
    const nonMasqueradeCidrs = ['192.168.7.7/16', 'FD00::/8', '192.168.0.0/16'];
    expect(complete({ nonMasqueradeCidrs }).nonMasqueradeCidrs).toEqual(['192.168.0.0/16', 'fd00::/8']);
    expect(() => complete({ nonMasqueradeCidrs: ['10.0.0.0/8', 'x'] })).toThrow(
      'nonMasqueradeCidrs[1] "x" is not',
    );
    for (const mapped of ['::ffff:0:0/96', '::10.0.0.0/104'])
      expect(() => complete({ nonMasqueradeCidrs: [mapped] })).toThrow('is IPv4 in the words of IPv6');
  });
});

describe('isSubnetOf', () => {
  const { ipv4, ipv6 } = completeNetworkConfig({
    ipv4: { network: '10.10.0.0/16', subnetMax: '10.10.9.0' },
    ipv6: { network: 'fd00:10::/48' },
  });

  it.each([
    ['10.10.1.0/24', true],
    ['10.10.9.0/24', true],
    ['10.10.0.0/24', false],
    ['10.10.10.0/24', false],
    ['10.10.2.0/25', false],
    ['10.11.2.0/24', false],
    ['fd00:10:0:1::/64', true],
    ['fd00:10::/64', false],
    ['fd00:10:0:1::/65', false],
    ['fd00:11:0:1::/64', false],
  ])('%s: %s', (text, expected) => {
    const block = parseBlock(text);
    const network = block?.family === 'ipv4' ? ipv4 : ipv6;
    expect(block && network && isSubnetOf(block, network)).toBe(expected);
  });
});
