import { describe, expect, it } from 'vitest';
import { CausewayError } from '../errors.ts';
import { completeNetworkConfig, type NetworkInput } from '../model/network.schema.ts';
import { decodeNetworkConfig, encodeNetworkConfig } from './codec-network.ts';
import { keys } from './keys.ts';

const read = (value: string) =>
  decodeNetworkConfig({
    key: keys.networkConfig,
    value,
    modRevision: 1,
    createRevision: 1,
    leaseId: '0',
  });
const V4 = { network: '10.10.0.0/16', subnetLen: 24, subnetMin: '10.10.1.0', subnetMax: '10.10.255.0' };
const V6 = {
  network: '2001:cafe:42::/56',
  subnetLen: 64,
  subnetMin: '2001:cafe:42:1::',
  subnetMax: '2001:cafe:42:ff::',
};
const REST = { masquerade: true, nonMasqueradeCidrs: [] };
const HOST_GW = { type: 'host-gw', direct: true };
const VXLAN = {
  type: 'vxlan',
  direct: false,
  tunnel: { vni: 1, port: 8472, learning: false, gbp: false },
};

describe("a configuration that was written for flannel is read as flannel's own documents say", () => {
  it.each([
    ['the least', '{"Network":"10.10.0.0/16"}', { ipv4: V4, backend: HOST_GW }],
    [
      'with a backend',
      '{ "Network": "10.10.0.0/16", "Backend": { "Type": "vxlan" } }',
      { ipv4: V4, backend: VXLAN },
    ],
    [
      'the bounds of the example in its documentation',
      `{
        "Network": "10.0.0.0/8",
        "SubnetLen": 20,
        "SubnetMin": "10.10.0.0",
        "SubnetMax": "10.99.0.0",
        "Backend": { "Type": "vxlan", "Port": 7890 }
      }`,
      {
        ipv4: { network: '10.0.0.0/8', subnetLen: 20, subnetMin: '10.10.0.0', subnetMax: '10.99.0.0' },
        backend: { ...VXLAN, tunnel: { ...VXLAN.tunnel, port: 7890 } },
      },
    ],
    [
      'every option of vxlan',
      '{"Network":"10.10.0.0/16","Backend":{"Type":"vxlan","VNI":4096,"Port":4789,"GBP":true,"DirectRouting":true,' +
        '"Learning":true,"MTU":1400,"MacPrefix":"0E-2A","Name":"flannel.4096"}}',
      {
        ipv4: V4,
        backend: {
          type: 'vxlan',
          direct: true,
          tunnel: { vni: 4096, port: 4789, mtu: 1400, learning: true, gbp: true },
        },
      },
    ],
    [
      'both families',
      '{"EnableNFTables":false,"Network":"10.10.0.0/16","EnableIPv6":true,"IPv6Network":"2001:cafe:42:0::/56",' +
        '"Backend":{"Type":"vxlan"}}',
      { ipv4: V4, ipv6: V6, backend: VXLAN },
    ],
    [
      'IPv6 alone, with its bounds',
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"2001:cafe:42::/56","IPv6SubnetLen":72,' +
        '"IPv6SubnetMin":"2001:cafe:42:0:100::","IPv6SubnetMax":"2001:cafe:42:0:400::","Backend":{"Type":"host-gw"}}',
      {
        ipv6: {
          network: '2001:cafe:42::/56',
          subnetLen: 72,
          subnetMin: '2001:cafe:42:0:100::',
          subnetMax: '2001:cafe:42:0:400::',
        },
        backend: HOST_GW,
      },
    ],
    [
      'a family that is not enabled, whatever it says',
      '{"Network":"10.10.0.0/16","IPv6Network":"nonsense","Backend":{"Type":"host-gw"}}',
      { ipv4: V4, backend: HOST_GW },
    ],
    [
      'keys and backend in any case',
      '{"NETWORK":"10.10.0.0/16","enableipv6":true,"ipv6network":"2001:cafe:42::/56",' +
        '"backend":{"tYPE":"VXLan","vni":7,"directrouting":true}}',
      {
        ipv4: V4,
        ipv6: V6,
        backend: { type: 'vxlan', direct: true, tunnel: { ...VXLAN.tunnel, vni: 7 } },
      },
    ],
    [
      'unknown keys, and options of other backends',
      '{"Network":"10.10.0.0/16","Backend":{"Type":"host-gw","VNI":-3,"PSK":"s"},"Other":[{}]}',
      { ipv4: V4, backend: HOST_GW },
    ],
    ['host bits', '{"Network":"10.10.3.4/16"}', { ipv4: V4, backend: HOST_GW }],
    [
      'nulls and zeros',
      '{"Network":"10.10.0.0/16","SubnetLen":0,"SubnetMin":null,"SubnetMax":"0.0.0.0","Backend":null}',
      { ipv4: V4, backend: HOST_GW },
    ],
    [
      'the last of equal keys',
      '{"Network":"1.1.0.0/16","network":"10.10.0.0/16"}',
      { ipv4: V4, backend: HOST_GW },
    ],
  ])('%s', (_what, text, expected) => expect(read(text)).toEqual({ ...REST, ...expected }));
});

describe('our own fields', () => {
  it('are read', () => {
    const text =
      '{"Network":"10.10.0.0/16","Backend":{"Type":"host-gw","Fallback":"vxlan","VNI":9,"MTU":1400},' +
      '"Masquerade":false,"NonMasqueradeCIDRs":["192.168.0.0/16","fd00::/8"],"CausewayRenumber":"1a2b3c4d"}';
    expect(read(text)).toEqual({
      ipv4: V4,
      backend: { ...HOST_GW, tunnel: { ...VXLAN.tunnel, vni: 9, mtu: 1400 } },
      masquerade: false,
      nonMasqueradeCidrs: ['192.168.0.0/16', 'fd00::/8'],
      renumber: '1a2b3c4d',
    });
  });
});

describe('a configuration that cannot be followed', () => {
  it.each([
    ['{', 'is not JSON'],
    ['7', 'the value 7'],
    ['{}', 'Network is missing'],
    ['{"Network":7}', 'network 7 is not text'],
    ['{"Network":"10.10.0.0/16","Backend":{"Type":"udp"}}', 'Backend.Type "udp" is not supported'],
    ['{"Network":"10.10.0.0/16","Backend":{"Type":"vx\\nlan"}}', 'Backend.Type "vx\\nlan" is not supported'],
    ['{"Network":"10.10.0.0/16","Backend":"vxlan"}', 'backend "vxlan"'],
    [
      '{"Network":"10.10.0.0/16","Backend":{"Type":"vxlan","VNI":-1}}',
      'Backend.VNI -1 is not a whole number',
    ],
    ['{"Network":"10.10.0.0/16","SubnetLen":"24"}', 'subnetlen "24" is not a number'],
    ['{"Network":"10.10.0.0/16","Masquerade":"no"}', 'masquerade "no" is not true or false'],
    [
      '{"Network":"10.10.0.0/16","NonMasqueradeCIDRs":["all"]}',
      'NonMasqueradeCIDRs[0] "all" is not a network',
    ],
    ['{"Network":"10.10.0.0/30"}', 'Network "10.10.0.0/30" is too small'],
    ['{"Network":"10.10.0.0/16","EnableIPv6":true}', 'IPv6Network is missing'],
    ['{"EnableIPv6":true,"IPv6Network":"fd00::/48"}', 'Network is missing'],
    [
      '{"Network":"10.10.0.0/16","EnableIPv6":true,"IPv6Network":"fd00::/48","IPv6SubnetLen":48}',
      'IPv6SubnetLen 48 does not fit',
    ],
    ['{"EnableIPv4":false,"Network":"10.10.0.0/16"}', 'EnableIPv4 is false and EnableIPv6 is not true'],
  ])('%s is an error that says why', (text, reason) => {
    const error = read(text);
    expect(error).toBeInstanceOf(CausewayError);
    expect(error).toMatchObject({ code: 'unreadable', message: expect.stringContaining(reason) });
  });
});

describe('a configuration that we write', () => {
  const text = (input: NetworkInput) => encodeNetworkConfig(completeNetworkConfig(input));
  const ipv4 = { network: '10.10.0.0/16' };
  const ipv6 = { network: 'fd00:10::/48' };

  it.each([
    [
      'host-gw',
      { ipv4 },
      '{"Network":"10.10.0.0/16","SubnetLen":24,"SubnetMin":"10.10.1.0","SubnetMax":"10.10.255.0","Backend":{"Type":"host-gw"}}',
    ],
    [
      'vxlan, both families',
      { ipv4, ipv6, backend: { type: 'vxlan', directRouting: true } },
      '{"EnableIPv6":true,"Network":"10.10.0.0/16","SubnetLen":24,"SubnetMin":"10.10.1.0","SubnetMax":"10.10.255.0",' +
        '"IPv6Network":"fd00:10::/48","IPv6SubnetLen":64,"IPv6SubnetMin":"fd00:10:0:1::","IPv6SubnetMax":"fd00:10:0:ffff::",' +
        '"Backend":{"Type":"vxlan","VNI":1,"Port":8472,"DirectRouting":true}}',
    ],
    [
      'IPv6 alone, and all that is ours',
      {
        ipv6,
        backend: { fallback: 'vxlan', mtu: 1400, learning: true, gbp: true },
        masquerade: false,
        nonMasqueradeCidrs: ['fd01::/16'],
        renumber: 'abcd0123',
      },
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd00:10::/48","IPv6SubnetLen":64,' +
        '"IPv6SubnetMin":"fd00:10:0:1::","IPv6SubnetMax":"fd00:10:0:ffff::",' +
        '"Backend":{"Type":"host-gw","Fallback":"vxlan","VNI":1,"Port":8472,"MTU":1400,"Learning":true,"GBP":true},' +
        '"Masquerade":false,"NonMasqueradeCIDRs":["fd01::/16"],"CausewayRenumber":"abcd0123"}',
    ],
  ])('is what flannel reads: %s', (_what, input, expected) => {
    expect(text(input)).toBe(expected);
    expect(read(text(input))).toEqual(completeNetworkConfig(input));
  });
});
