import { describe, expect, it } from 'vitest';
import { decodeLease, encodeLease, subnetOfKey, subnetsOfKey } from './codec-flannel.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

const kv = (key: string, value: string): KeyValue => ({
  key,
  value,
  modRevision: 1,
  createRevision: 1,
  leaseId: '0',
});
const MAC = 'c6:d2:32:6f:8f:44';

describe("flannel's own leases are read", () => {
  it.each([
    [
      "the example of flannel's documentation",
      '10.5.52.0-24',
      `{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${MAC}"}}`,
      {
        ipv4: { subnet: '10.5.52.0/24', publicIp: '192.168.64.3', vtep: { vni: 1, mac: MAC } },
        backendType: 'vxlan',
      },
    ],
    [
      'host-gw',
      '10.5.52.0-24',
      '{"PublicIP":"10.0.0.1","PublicIPv6":null,"BackendType":"host-gw"}',
      { ipv4: { subnet: '10.5.52.0/24', publicIp: '10.0.0.1' }, backendType: 'host-gw' },
    ],
    [
      'both families',
      '10.5.52.0-24&fd00:0:0:1::-64',
      `{"PublicIP":"10.0.0.1","PublicIPv6":"2001:DB8:0::1","BackendType":"VXLAN","BackendData":{"VNI":1,"VtepMAC":"${MAC}"},` +
        `"BackendV6Data":{"VNI":1,"VtepMAC":"FE:D2:32:6F:8F:44"}}`,
      {
        ipv4: { subnet: '10.5.52.0/24', publicIp: '10.0.0.1', vtep: { vni: 1, mac: MAC } },
        ipv6: {
          subnet: 'fd00:0:0:1::/64',
          publicIp: '2001:db8::1',
          vtep: { vni: 1, mac: 'fe:d2:32:6f:8f:44' },
        },
        backendType: 'vxlan',
      },
    ],
    [
      'IPv6 alone, as flannel writes what it does not have',
      '0.0.0.0-0&fd00:0:0:1::-64',
      '{"PublicIP":"0.0.0.0","PublicIPv6":"2001:db8::1","BackendType":"host-gw","BackendData":null}',
      { ipv6: { subnet: 'fd00:0:0:1::/64', publicIp: '2001:db8::1' }, backendType: 'host-gw' },
    ],
    [
      'no address at all',
      '10.5.52.0-24',
      '{"PublicIP":"0.0.0.0","BackendType":"alloc"}',
      { ipv4: { subnet: '10.5.52.0/24' }, backendType: 'alloc' },
    ],
    [
      "another backend's data, which are its own business",
      '10.5.52.0-24',
      '{"PublicIP":"10.0.0.1","BackendType":"wireguard","BackendData":{"PublicKey":"xyz","VtepMAC":7}}',
      { ipv4: { subnet: '10.5.52.0/24', publicIp: '10.0.0.1' }, backendType: 'wireguard' },
    ],
  ])('%s', (_what, name, value, expected) => {
    expect(decodeLease(kv(keys.subnetPrefix + name, value))).toEqual(expected);
  });
});

describe('our lease', () => {
  const node = { id: 'a1', name: 'host-1' };
  const hostGw = {
    ipv4: { subnet: '10.10.1.0/24', publicIp: '192.168.122.11' },
    backendType: 'host-gw',
    node,
  };
  const ipv6 = { subnet: 'fd00:10:0:1::/64', publicIp: 'fd12::11' };
  const vtep = { vni: 1, mac: MAC };

  it.each([
    [
      'host-gw',
      hostGw,
      '10.10.1.0-24',
      '{"PublicIP":"192.168.122.11","PublicIPv6":null,"BackendType":"host-gw","CausewayNode":{"id":"a1","name":"host-1"}}',
    ],
    [
      'both families with tunnels',
      {
        ipv4: { ...hostGw.ipv4, vtep },
        ipv6: { ...ipv6, vtep },
        backendType: 'vxlan',
        node,
      },
      '10.10.1.0-24&fd00:10:0:1::-64',
      `{"PublicIP":"192.168.122.11","PublicIPv6":"fd12::11","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${MAC}"},` +
        `"BackendV6Data":{"VNI":1,"VtepMAC":"${MAC}"},"CausewayNode":{"id":"a1","name":"host-1"}}`,
    ],
    [
      'IPv6 alone',
      { ipv6, backendType: 'host-gw', node },
      '0.0.0.0-0&fd00:10:0:1::-64',
      '{"PublicIP":"0.0.0.0","PublicIPv6":"fd12::11","BackendType":"host-gw","CausewayNode":{"id":"a1","name":"host-1"}}',
    ],
  ])("is flannel's JSON and one field more: %s", (_what, lease, name, text) => {
    const subnets = {
      ...('ipv4' in lease ? { ipv4: lease.ipv4.subnet } : {}),
      ...('ipv6' in lease ? { ipv6: lease.ipv6.subnet } : {}),
    };
    expect(encodeLease(lease)).toBe(text);
    expect(keys.subnet(subnets)).toBe(keys.subnetPrefix + name);
    expect(decodeLease(kv(keys.subnet(subnets), text))).toEqual(lease);
  });
});

describe('a lease that cannot be read', () => {
  const good = '{"PublicIP":"10.0.0.1","BackendType":"host-gw"}';
  const end = (data: unknown) =>
    JSON.stringify({ PublicIP: '10.0.0.1', BackendType: 'vxlan', BackendData: data });
  const owner = (node: unknown) => JSON.stringify({ ...JSON.parse(good), CausewayNode: node });

  it.each([
    ['10.10.1.0-24', 'nonsense', 'is not JSON'],
    ['10.10.1.0-24', '{"PublicIP":"10.0.0.1"}', 'BackendType is needed'],
    [
      '10.10.1.0-24',
      '{"PublicIP":"1.2.3","BackendType":"host-gw"}',
      'publicip "1.2.3" is not an IPv4 address',
    ],
    ['10.10.1.0-24', '{"PublicIP":"fd00::1","BackendType":"host-gw"}', 'publicip "fd00::1" is not an IPv4'],
    [
      '10.10.1.0-24',
      '{"PublicIPv6":"fd00::/64","BackendType":"host-gw"}',
      'publicipv6 "fd00::/64" is not an IPv6',
    ],
    ['10.10.1.0-24', end({ VNI: 1 }), 'backenddata.vtepmac'],
    [
      '10.10.1.0-24',
      end({ VNI: 1, VtepMAC: '00:00:00:00:00:00' }),
      'is not the link-layer address of one host',
    ],
    [
      '10.10.1.0-24',
      end({ VNI: 1, VtepMAC: '01:00:5e:00:00:01' }),
      'is not the link-layer address of one host',
    ],
    [
      '10.10.1.0-24',
      end({ VNI: 1, VtepMAC: `${MAC} dev eth0` }),
      'is not the link-layer address of one host',
    ],
    ['10.10.1.0-24', end({ VNI: 16_777_216, VtepMAC: MAC }), 'backenddata.vni'],
    ['10.10.1.0-24', end('x'), 'backenddata "x"'],
    ['10.10.1.0-24', owner({ id: 'a1', name: 'a\u001b[31m\n b' }), 'causewaynode.name'],
    ['10.10.1.0-24', owner({ id: 'a\n1', name: 'host-1' }), 'causewaynode.id'],
    ['10.10.1.7-24', good, 'the key names no subnet'],
    ['x', good, 'the key names no subnet'],
    ['', good, 'the key names no subnet'],
    ['deeper/10.10.1.0-24', good, 'the key names no subnet'],
    ['0.0.0.0-0', good, 'the key names no subnet'],
    ['fd00:0:0:1::-64', good, 'the key names no subnet'],
    ['10.10.1.0-24&fd00:0:0:1::-64&fd00:0:0:2::-64', good, 'the key names no subnet'],
    ['10.10.1.0-24&10.10.2.0-24', good, 'the key names no subnet'],
    ['10.10.1.0-24&', good, 'the key names no subnet'],
  ])('%s = %s', (name, value, reason) => {
    const error = decodeLease(kv(keys.subnetPrefix + name, value));
    expect(error).toMatchObject({ code: 'unreadable', message: expect.stringContaining(reason) });
  });

  it('is told by the name that the key has in etcd', () => {
    const stored = { ...kv(`${keys.subnetPrefix}x`, good), storedKey: '/other/net/subnets/x' };
    expect(decodeLease(stored)).toMatchObject({
      message: 'reading etcd key /other/net/subnets/x: the key names no subnet',
    });
  });
});

describe('subnetsOfKey', () => {
  it.each([
    ['/x/10.10.1.0-24', { ipv4: '10.10.1.0/24' }],
    ['/x/10.10.1.0-24&fd00::-64', { ipv4: '10.10.1.0/24', ipv6: 'fd00::/64' }],
    ['/x/0.0.0.0-0&fd00::-64', { ipv6: 'fd00::/64' }],
    ['/x/10.10.1.1-24', undefined],
    ['/x/10.10.1.0-24&FD00::-64', undefined],
    ['/x/', undefined],
  ])('%s → %j', (key, subnets) => expect(subnetsOfKey(key)).toEqual(subnets));
});

describe('subnetOfKey', () => {
  it.each([
    ['/x/10.10.1.0-24', '10.10.1.0/24'],
    ['/x/fd00::-64', 'fd00::/64'],
    ['/x/10.10.1.0-24&fd00::-64', undefined],
    ['/x/10.10.1.1-24', undefined],
    ['/x/fd00::1-64', undefined],
    ['/x/', undefined],
  ])('%s → %s', (key, subnet) => expect(subnetOfKey(key)).toBe(subnet));
});
