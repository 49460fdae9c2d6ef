import { describe, expect, it } from 'vitest';
import { completeNetworkConfig, subnetCount } from './network.schema.ts';

describe('completeNetworkConfig', () => {
  it.each([
    [{ network: '10.10.0.0/16' }, '10.10.0.0/16', 24, '10.10.1.0', '10.10.255.0', 255],
    [{ network: '10.10.77.3/16' }, '10.10.0.0/16', 24, '10.10.1.0', '10.10.255.0', 255],
    [{ network: '10.10.0.0/22' }, '10.10.0.0/22', 24, '10.10.1.0', '10.10.3.0', 3],
    [{ network: '10.10.0.0/23' }, '10.10.0.0/23', 25, '10.10.0.128', '10.10.1.128', 3],
    [{ network: '10.10.0.0/28' }, '10.10.0.0/28', 30, '10.10.0.4', '10.10.0.12', 3],
    [{ network: '10.10.0.0/16', subnetLen: 26 }, '10.10.0.0/16', 26, '10.10.0.64', '10.10.255.192', 1023],
    [
      { network: '10.10.0.0/16', subnetMin: '10.10.0.0', subnetMax: '10.10.1.0' },
      '10.10.0.0/16',
      24,
      '10.10.0.0',
      '10.10.1.0',
      2,
    ],
  ])("completes %j by flannel's rules", (input, network, subnetLen, subnetMin, subnetMax, count) => {
    const config = completeNetworkConfig(input);
    expect(config).toEqual({ network, subnetLen, subnetMin, subnetMax, backend: 'host-gw' });
    expect(subnetCount(config)).toBe(count);
  });

  it.each([
    [{ network: '10.10.0.0' }, 'network', '"10.10.0.0" is not an IPv4 network'],
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
  ])('refuses %j in one sentence', (input, field, text) => {
    expect(() => completeNetworkConfig(input)).toThrow(
      expect.objectContaining({ code: 'invalid', field, message: expect.stringContaining(text) }),
    );
  });
});
