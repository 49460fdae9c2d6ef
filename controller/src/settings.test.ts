import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it } from 'vitest';
import { fakeStore } from '../../test/support/fake-store.ts';
import { ensureCluster, newCluster, type Wanted } from './bootstrap.ts';

const noWait = () => {
  throw new Error('nothing to wait for');
};

describe('the settings of a new cluster', () => {
  it.each<[Wanted, string]>([
    [{ serviceRange: 'fd00::/112' }, 'service-range "fd00::/112" is not an IPv4 network of the form'],
    [
      { serviceRangeIpv6: '10.0.0.0/16' },
      'service-range-ipv6 "10.0.0.0/16" is not an IPv6 network of the form fd00:10:96::/112',
    ],
    [
      { serviceRangeIpv6: 'fe80::/64' },
      'service-range-ipv6 "fe80::/64" overlaps fe80::/10, where no VIP can be',
    ],
    [
      { serviceRangeIpv6: 'fd00::/125' },
      'service-range-ipv6 "fd00::/125" is too small: a /124 or larger is needed',
    ],
    [
      { networkIpv6: 'fd00:10::/48', serviceRangeIpv6: 'fd00:10:0:9::/112' },
      'service-range-ipv6 "fd00:10:0:9::/112" overlaps the container network fd00:10::/48',
    ],
    [
      { serviceRangeIpv6: 'fd00:10:96::/112', own: [{ flag: 'listen', address: 'fd00:10:96::5' }] },
      'service-range-ipv6 "fd00:10:96::/112" holds fd00:10:96::5, the address of --listen',
    ],
    [
      { nodePortCidrs: ['192.168.122.0/24', '10.0.0.5'] },
      'node-port-cidrs "10.0.0.5" is not a network such as 192.168.122.0/24 or fd00:122::/64',
    ],
  ])('%j is refused in one sentence', (wanted, sentence) => {
    expect(() => newCluster(wanted)).toThrow(sentence);
  });

  it('has no range of IPv6 VIPs where nobody asked for one and containers are, or none was asked for', () => {
    const { settings } = newCluster({ networkIpv6: 'fd00:10::/32' });
    expect(settings.serviceRangeIpv6).toBeUndefined();
    expect(newCluster({ serviceRangeIpv6: 'none' }).settings.serviceRangeIpv6).toBeUndefined();
  });

  it('serves NodePorts where it was asked to', () => {
    const { settings } = newCluster({ nodePortCidrs: ['192.168.122.9/24', 'FD00::/64', '192.168.122.0/24'] });
    expect(settings.nodePortCidrs).toEqual(['192.168.122.0/24', 'fd00::/64']);
    expect(newCluster({ nodePortCidrs: [] }).settings.nodePortCidrs).toBeUndefined();
  });
});

describe('the settings of a cluster that exists', () => {
  it.each<[Wanted, string]>([
    [
      { serviceRangeIpv6: 'fd00:97::/112' },
      '--service-range-ipv6 fd00:97::/112 is not what this cluster in etcd has, fd00:10:96::/112',
    ],
    [
      { serviceRangeIpv6: 'none' },
      '--service-range-ipv6 none is not what this cluster in etcd has, fd00:10:96::/112',
    ],
    [
      { nodePortCidrs: ['192.168.122.0/24'] },
      '--node-port-cidrs 192.168.122.0/24 is not what this cluster in etcd has, none',
    ],
  ])('%j are refused where there are others', async (wanted, sentence) => {
    const store = fakeStore();
    await ensureCluster(store, {}, noWait);
    const before = store.dump();
    await expect(ensureCluster(store, wanted, noWait)).rejects.toThrow(sentence);
    expect(store.dump()).toEqual(before);
  });

  it('gives a cluster that has no range of IPv6 VIPs the one that is asked for, and nothing unasked', async () => {
    const store = fakeStore();
    await ensureCluster(store, { nodePortCidrs: ['192.168.122.0/24'], serviceRangeIpv6: 'none' }, noWait);
    const before = store.dump();
    await ensureCluster(store, {}, noWait);
    await ensureCluster(store, { serviceRangeIpv6: 'none', nodePortCidrs: ['192.168.122.7/24'] }, noWait);
    expect(store.dump()).toEqual(before);
    const { settings } = await ensureCluster(store, { serviceRangeIpv6: 'fd00:97::/112' }, noWait);
    expect(settings).toMatchObject({
      serviceRangeIpv6: 'fd00:97::/112',
      nodePortCidrs: ['192.168.122.0/24'],
    });
    expect(JSON.parse(store.dump()[keys.settings] ?? '')).toEqual(settings);
    await expect(ensureCluster(store, { serviceRangeIpv6: 'fd00:98::/112' }, noWait)).rejects.toThrow(
      'fd00:97::/112',
    );
  });
});
