import { describe, expect, it } from 'vitest';
import { CausewayError } from '../errors.ts';
import {
  decodeLease,
  decodeNetworkConfig,
  encodeLease,
  encodeNetworkConfig,
  subnetOfKey,
} from './codec-flannel.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

const kv = (key: string, value: string): KeyValue => ({
  key,
  value,
  modRevision: 1,
  createRevision: 1,
  leaseId: '0',
});
const config = (value: string) => decodeNetworkConfig(kv(keys.networkConfig, value));
const usual = {
  network: '10.10.0.0/16',
  subnetLen: 24,
  subnetMin: '10.10.1.0',
  subnetMax: '10.10.255.0',
  backend: 'host-gw',
};

describe("flannel's network configuration", () => {
  it.each([
    ['defaults', '{"Network":"10.10.0.0/16","Backend":{"Type":"host-gw"}}'],
    ['keys and backend in any case', '{"NETWORK":"10.10.0.0/16","backend":{"tYPE":"Host-GW"}}'],
    ['unknown keys', '{"Network":"10.10.0.0/16","Backend":{"Type":"host-gw","VNI":3},"Other":[{}]}'],
    ['host bits', '{"Network":"10.10.3.4/16","Backend":{"Type":"host-gw"}}'],
    [
      'nulls and zeros',
      '{"Network":"10.10.0.0/16","SubnetLen":0,"SubnetMin":null,"Backend":{"Type":"host-gw"}}',
    ],
    [
      'the last of equal keys',
      '{"Network":"1.1.0.0/16","network":"10.10.0.0/16","Backend":{"Type":"host-gw"}}',
    ],
  ])('is read as flannel does: %s', (_what, text) => {
    expect(config(text)).toEqual(usual);
  });

  it('is read back as it was written', () => {
    const read = config(
      '{"Network":"10.10.0.0/16","SubnetLen":26,"SubnetMax":"10.10.9.0","Backend":{"Type":"host-gw"}}',
    );
    if (read instanceof CausewayError) throw read;
    expect(config(encodeNetworkConfig(read))).toEqual(read);
  });

  it.each([
    ['{', 'is not JSON'],
    ['{}', 'network'],
    ['{"Network":7}', 'network 7'],
    ['{"Network":"10.10.0.0/16"}', 'Backend.Type "udp" is not supported'],
    ['{"Network":"10.10.0.0/16","Backend":{"Type":"vxlan"}}', 'Backend.Type "vxlan" is not supported'],
    ['{"Network":"10.10.0.0/16","Backend":{"Type":"vx\\nlan"}}', 'Backend.Type "vx\\nlan" is not supported'],
    ['{"Network":"10.10.0.0/16","SubnetLen":"24","Backend":{"Type":"host-gw"}}', 'subnetlen "24"'],
    ['{"Network":"10.10.0.0/30","Backend":{"Type":"host-gw"}}', 'network "10.10.0.0/30" is too small'],
    ['{"EnableIPv4":false,"Network":"10.10.0.0/16"}', 'EnableIPv4'],
  ])('%s is an error that says why', (text, reason) => {
    const read = config(text);
    expect(read).toMatchObject({ code: 'unreadable', message: expect.stringContaining(reason) });
  });
});

describe('a lease', () => {
  const lease = {
    subnet: '10.10.1.0/24',
    publicIp: '192.168.122.11',
    backendType: 'host-gw',
    node: { id: 'a1', name: 'host-1' },
  };

  it("is exactly flannel's JSON with one field more", () => {
    expect(encodeLease(lease)).toBe(
      '{"PublicIP":"192.168.122.11","PublicIPv6":null,"BackendType":"host-gw","CausewayNode":{"id":"a1","name":"host-1"}}',
    );
    expect(decodeLease(kv(keys.subnet(lease.subnet), encodeLease(lease)))).toEqual(lease);
  });

  it('of a flannel daemon has no node', () => {
    const value = '{"PublicIP":"10.0.0.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1}}';
    expect(decodeLease(kv(`${keys.subnetPrefix}10.5.52.0-24&fd00:0:0:1::-64`, value))).toEqual({
      subnet: '10.5.52.0/24',
      publicIp: '10.0.0.1',
      backendType: 'vxlan',
    });
  });

  it.each([
    [`${keys.subnetPrefix}10.10.1.0-24`, 'nonsense'],
    [`${keys.subnetPrefix}10.10.1.0-24`, '{"PublicIP":"0.0.0.0","BackendType":"host-gw"}'],
    [`${keys.subnetPrefix}10.10.1.0-24`, '{"PublicIP":"1.2.3","BackendType":"host-gw"}'],
    [
      `${keys.subnetPrefix}10.10.1.0-24`,
      encodeLease({ ...lease, node: { id: 'a1', name: 'a\u001b[31m\n b' } }),
    ],
    [`${keys.subnetPrefix}10.10.1.0-24`, encodeLease({ ...lease, node: { id: 'a\n1', name: 'host-1' } })],
    [`${keys.subnetPrefix}10.10.1.7-24`, encodeLease(lease)],
    [`${keys.subnetPrefix}x`, encodeLease(lease)],
  ])('%s = %s is an error', (key, value) => {
    expect(decodeLease(kv(key, value))).toMatchObject({ code: 'unreadable' });
  });
});

describe('subnetOfKey', () => {
  it.each([
    ['/x/10.10.1.0-24', '10.10.1.0/24'],
    ['/x/10.10.1.0-24&fd00::-64', '10.10.1.0/24'],
    ['/x/10.10.1.1-24', undefined],
    ['/x/fd00::-64', undefined],
    ['/x/', undefined],
  ])('%s → %s', (key, subnet) => expect(subnetOfKey(key)).toBe(subnet));
});
