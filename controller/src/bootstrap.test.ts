import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it } from 'vitest';
import { host } from '../../test/support/controller.ts';
import { fakeStore } from '../../test/support/fake-store.ts';
import { ensureCluster, ignoredFlags, newCluster, type Wanted } from './bootstrap.ts';

const noWait = () => {
  throw new Error('nothing to wait for');
};

describe('newCluster', () => {
  it.each<[Wanted, string]>([
    [
      { network: '10.10.0.0/30' },
      'network "10.10.0.0/30" is too small: a /28 or larger is needed, four subnets of /30',
    ],
    [{ network: 'none' }, 'network is missing: a network of IPv4, of IPv6 or of both is needed'],
    [
      { network: 'none', networkIpv6: 'fd00::/8', own: [{ flag: 'listen', address: 'fd00::5' }] },
      'network-ipv6 "fd00::/8" holds fd00::5, the address of --listen',
    ],
    [{ subnetLenIpv6: 64 }, 'subnet-len-ipv6 64 means nothing: the network would have no IPv6'],
    [{ vni: 7 }, 'vni 7 is of a tunnel, and there is none'],
    [{ directRouting: true }, 'direct-routing true is for the backend "vxlan"'],
    [{ backend: 'udp' }, 'backend "udp" is not supported'],
    [
      { network: '10.10.0.0/29' },
      'network "10.10.0.0/29" is too small: a /28 or larger is needed, four subnets of /30',
    ],
    [{ network: '10.10.0.0' }, 'network "10.10.0.0" is not an IPv4 network of the form 10.10.0.0/16'],
    [{ network: '10.10.0.0/33' }, 'network "10.10.0.0/33" is not an IPv4 network of the form 10.10.0.0/16'],
    [{ network: '224.0.0.0/8' }, 'network "224.0.0.0/8" overlaps 224.0.0.0/3, which containers cannot use'],
    [{ network: '10.96.0.0/12' }, 'service-range "10.96.0.0/16" overlaps the container network 10.96.0.0/12'],
    [
      { serviceRange: '10.10.4.0/24' },
      'service-range "10.10.4.0/24" overlaps the container network 10.10.0.0/16',
    ],
    [
      { serviceRange: '127.0.0.0/24' },
      'service-range "127.0.0.0/24" overlaps 127.0.0.0/8, where no VIP can be',
    ],
    [{ serviceRange: '0.0.0.0/0' }, 'service-range "0.0.0.0/0" overlaps 0.0.0.0/8, where no VIP can be'],
    [{ serviceRange: '64.0.0.0/7' }, 'service-range "64.0.0.0/7" is too large: a /8 or smaller is needed'],
    [
      { serviceRange: '10.96.0.0/29' },
      'service-range "10.96.0.0/29" is too small: a /28 or larger is needed',
    ],
    [{ network: '64.0.0.0/7' }, 'network "64.0.0.0/7" is too large: a /8 or smaller is needed'],
    [
      { network: '192.168.0.0/16', own: [{ flag: 'listen', address: '192.168.122.11' }] },
      'network "192.168.0.0/16" holds 192.168.122.11, the address of --listen',
    ],
    [{ serviceRange: 'x' }, 'service-range "x" is not an IPv4 network of the form 10.96.0.0/16'],
  ])('%j is refused in one sentence', (wanted, sentence) => {
    expect(() => newCluster(wanted)).toThrow(sentence);
  });

  it('refuses a length of subnets that leaves no room for hosts', () => {
    expect(() => newCluster({ network: '10.10.0.0/16', subnetLen: 17 })).toThrow(
      'subnet-len 17 does not fit',
    );
  });

  it('takes the smallest network that can hold hosts', () => {
    expect(newCluster({ network: '10.10.0.0/28' }).config).toMatchObject({
      ipv4: { subnetLen: 30, subnetMin: '10.10.0.4' },
    });
  });
});

describe('ignoredFlags', () => {
  const cluster = newCluster({ backend: 'vxlan', vni: 7, masquerade: false });

  it.each<[Wanted, string]>([
    [{ backend: 'host-gw' }, '--backend'],
    [{ vni: 8, nonMasqueradeCidrs: ['10.0.0.0/8'] }, '--vni, --non-masquerade'],
    [{ fallback: 'vxlan' }, '--fallback'],
    [{ network: '10.20.0.0/16', subnetLen: 26 }, '--network, --subnet-len'],
    [{ networkIpv6: 'fd00:10::/48' }, '--network-ipv6'],
  ])('%j is not what the cluster has, and keeps nobody from using it', (wanted, flags) => {
    expect(ignoredFlags(wanted, cluster)).toEqual([
      `${flags}: the cluster in etcd has another network configuration, which holds; svcctl network set changes it`,
    ]);
  });

  it('says nothing of what is so', () => {
    expect(ignoredFlags({ backend: 'vxlan', vni: 7, masquerade: false }, cluster)).toEqual([]);
    expect(ignoredFlags({ network: '10.10.9.9/16', subnetLen: 0 }, cluster)).toEqual([]);
    expect(ignoredFlags({ serviceRange: '10.96.9.9/16', nodePortCidrs: [] }, cluster)).toEqual([]);
  });
});

describe('ensureCluster', () => {
  it('makes a first configuration of both families, or of IPv6 alone', async () => {
    const both = fakeStore();
    await ensureCluster(both, { networkIpv6: 'fd00:10::/48', backend: 'vxlan', directRouting: true }, noWait);
    expect(JSON.parse(both.dump()[keys.networkConfig] ?? '')).toMatchObject({
      ...{ Network: '10.10.0.0/16', EnableIPv6: true, IPv6Network: 'fd00:10::/48', IPv6SubnetLen: 64 },
      Backend: { Type: 'vxlan', VNI: 1, DirectRouting: true },
    });
    const alone = fakeStore();
    await ensureCluster(alone, { network: 'none', networkIpv6: 'fd00:10::/48' }, noWait);
    expect(JSON.parse(alone.dump()[keys.networkConfig] ?? '')).toMatchObject({ EnableIPv4: false });
    const again = { network: 'none', networkIpv6: 'fd00:10::/48', subnetLenIpv6: 64 };
    await ensureCluster(alone, again, noWait);
  });

  it("leaves flannel's own configuration as it is, to the last character", async () => {
    const store = fakeStore();
    const theirs =
      '{ "network":"10.5.0.0/16", "EnableNFTables":true, "Backend":{"Type":"VXLAN","VNI":3}, "x":1 }';
    store.put(keys.networkConfig, theirs);
    const { config } = await ensureCluster(store, { backend: 'host-gw' }, noWait);
    expect(config).toMatchObject({ ipv4: { network: '10.5.0.0/16' }, backend: { type: 'vxlan' } });
    expect(store.dump()[keys.networkConfig]).toBe(theirs);
  });

  it("writes flannel's configuration and our settings where there are none", async () => {
    const store = fakeStore();
    await ensureCluster(store, { network: '10.20.0.0/16' }, noWait);
    const written = store.dump();
    expect(JSON.parse(written[keys.networkConfig] ?? '')).toEqual({
      Network: '10.20.0.0/16',
      SubnetLen: 24,
      SubnetMin: '10.20.1.0',
      SubnetMax: '10.20.255.0',
      Backend: { Type: 'host-gw' },
    });
    expect(JSON.parse(written[keys.settings] ?? '')).toEqual({
      serviceRange: '10.96.0.0/16',
      serviceRangeIpv6: 'fd00:10:96::/112',
      nodePortMin: 30000,
      nodePortMax: 32767,
    });
    await ensureCluster(store, { network: '10.20.0.0/16' }, noWait);
    expect(store.dump()).toEqual(written);
  });

  it("goes on with an existing cluster's own when nothing else is asked for", async () => {
    const store = fakeStore();
    store.put(keys.networkConfig, { Network: '10.5.0.0/16', Backend: { Type: 'host-gw' } });
    const { config } = await ensureCluster(store, {}, noWait);
    expect(config.ipv4?.network).toBe('10.5.0.0/16');
  });

  it('goes on with a network that was changed since its flags were written', async () => {
    const store = fakeStore();
    const flags = { network: '10.20.0.0/16', subnetLen: 26 };
    await ensureCluster(store, flags, noWait);
    store.put(keys.networkConfig, { Network: '10.5.0.0/16', Backend: { Type: 'host-gw' } });
    const before = store.dump();
    expect((await ensureCluster(store, flags, noWait)).config.ipv4?.network).toBe('10.5.0.0/16');
    expect(store.dump()).toEqual(before);
  });

  it('brings a configuration that was deleted back as hosts follow it', async () => {
    const store = fakeStore();
    await ensureCluster(store, {}, noWait);
    store.put(keys.acceptedNetwork, { Network: '10.20.0.0/16', Backend: { Type: 'vxlan' } });
    store.remove(keys.networkConfig);
    const { config } = await ensureCluster(store, { network: '10.10.0.0/16' }, noWait);
    expect(config).toMatchObject({ ipv4: { network: '10.20.0.0/16' }, backend: { type: 'vxlan' } });
    expect(JSON.parse(store.dump()[keys.networkConfig] ?? '')).toMatchObject({ Network: '10.20.0.0/16' });
  });

  it.each([keys.networkConfig, keys.settings])(
    'waits while %s cannot be read, and writes nothing',
    async (key) => {
      const store = fakeStore();
      store.put(key, '{"Network":');
      const reasons: string[] = [];
      await ensureCluster(store, {}, (reason) => {
        reasons.push(reason);
        expect(Object.keys(store.dump())).toEqual([key]);
        store.remove(key);
      });
      expect(reasons).toEqual([expect.stringMatching(new RegExp(`^reading etcd key ${key}: .*is not JSON`))]);
    },
  );

  const OWN = [{ flag: 'etcd-listen', address: '192.168.122.11' }];
  it.each<[Wanted, string]>([
    [
      { network: '192.168.0.0/16' },
      'network "192.168.0.0/16" overlaps 192.168.122.0/24, the network of host "host-1"',
    ],
    [
      { serviceRange: '192.168.122.128/25' },
      'service-range "192.168.122.128/25" overlaps 192.168.122.0/24, the network of host "host-1"',
    ],
    [
      { serviceRange: '172.20.0.0/24' },
      'service-range "172.20.0.0/24" overlaps 172.20.0.0/28, the network of host "host-2"',
    ],
  ])('%j is refused where a host is, and nothing is written', async (wanted, sentence) => {
    const store = fakeStore();
    store.put(keys.node('host-1'), host(1));
    const ipv4 = { publicIp: '172.20.0.2', network: '172.20.0.0/28' };
    store.put(keys.node('host-2'), { ...host(2), ipv4 });
    const before = store.dump();
    await expect(ensureCluster(store, wanted, noWait)).rejects.toThrow(sentence);
    expect(store.dump()).toEqual(before);
  });

  it('refuses a cluster whose ranges hold our own address, and writes nothing', async () => {
    const store = fakeStore();
    store.put(keys.settings, { serviceRange: '192.168.122.0/24', nodePortMin: 30000, nodePortMax: 32767 });
    const before = store.dump();
    await expect(ensureCluster(store, { own: OWN }, noWait)).rejects.toThrow(
      'service-range "192.168.122.0/24" holds 192.168.122.11, the address of --etcd-listen',
    );
    expect(store.dump()).toEqual(before);
  });

  it('refuses a range that overlaps the one that is there, and writes nothing', async () => {
    const store = fakeStore();
    store.put(keys.settings, { serviceRange: '10.10.0.0/24', nodePortMin: 30000, nodePortMax: 32767 });
    const before = store.dump();
    await expect(ensureCluster(store, {}, noWait)).rejects.toThrow(
      'service-range "10.10.0.0/24" overlaps the container network 10.10.0.0/16',
    );
    expect(store.dump()).toEqual(before);
  });

  it('waits for etcd', async () => {
    const store = fakeStore();
    store.fail('connection refused');
    const reasons: string[] = [];
    await ensureCluster(store, {}, (reason) => {
      reasons.push(reason);
      store.recover();
    });
    expect(reasons).toEqual(['asking etcd: connection refused']);
  });
});
