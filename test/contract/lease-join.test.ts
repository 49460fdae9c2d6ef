import { CausewayError } from '@causeway/shared/errors';
import { decodeLease } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { expect, it } from 'vitest';
import { both, DUAL, host, onBothStores, SMALL, V6 } from './lease-world.ts';

onBothStores((world) => {
  it("writes flannel's lease, the claim, the record, the sign of life and the id in one revision", async () => {
    const { record, subnets } = await world.join(host(1));
    const subnet = subnets.ipv4 ?? '';
    const lease = await world.store.get(keys.subnet(subnets));
    expect(lease?.value).toBe(
      '{"PublicIP":"192.168.122.11","PublicIPv6":null,"BackendType":"host-gw","CausewayNode":{"id":"id-1","name":"host-1"}}',
    );
    const others = [keys.claim(subnet), keys.node('host-1'), keys.alive('host-1'), keys.identity('id-1')];
    const [claim, node, alive, identity] = await Promise.all(others.map((key) => world.store.get(key)));
    expect(claim?.value).toBe('id-1');
    expect(JSON.parse(node?.value ?? '')).toEqual(record);
    expect(record.ipv4).toEqual({ publicIp: '192.168.122.11', network: '192.168.122.0/24', subnet });
    expect(JSON.parse(alive?.value ?? '')).toEqual({ id: 'id-1', instance: 'instance-1' });
    expect(JSON.parse(identity?.value ?? '')).toEqual({
      ...{ name: 'host-1', instance: 'instance-1', addresses: ['192.168.122.11'] },
    });
    const revisions = [lease, claim, node, alive, identity].map((kv) => kv?.modRevision);
    expect(new Set(revisions).size).toBe(1);
    expect([claim?.leaseId, node?.leaseId]).toEqual([lease?.leaseId, lease?.leaseId]);
    expect(identity?.leaseId).toBe(alive?.leaseId);
    expect(alive?.leaseId).not.toBe(lease?.leaseId);
  });

  it('leases a subnet of each family under one key of flannel, with a claim for each', async () => {
    await world.configure(DUAL);
    const { record, subnets } = await world.join(host(1, {}, both));
    const [v4, v6] = [subnets.ipv4 ?? '', subnets.ipv6 ?? ''];
    expect([v4, v6]).toEqual([
      expect.stringMatching(/^10\.10\..*\/24$/),
      expect.stringMatching(/^fd00:10:.*\/64$/),
    ]);
    expect(await world.names(keys.subnetPrefix)).toEqual([`${v4.replace('/', '-')}&${v6.replace('/', '-')}`]);
    expect((await world.names(keys.claimPrefix)).sort()).toEqual(
      [v4, v6].map((subnet) => subnet.replace('/', '-')).sort(),
    );
    expect([record.ipv4?.subnet, record.ipv6?.subnet]).toEqual([v4, v6]);
  });

  it("leases under flannel's key of IPv6 alone, and says its IPv6 address to flannel", async () => {
    await world.configure(V6);
    const { subnets } = await world.join(host(1, {}, ['ipv6']));
    expect(subnets.ipv4).toBeUndefined();
    expect(await world.names(keys.subnetPrefix)).toEqual([
      `0.0.0.0-0&${(subnets.ipv6 ?? '').replace('/', '-')}`,
    ]);
    const kv = await world.store.get(keys.subnet(subnets));
    expect(JSON.parse(kv?.value ?? '')).toMatchObject({ PublicIP: '0.0.0.0', PublicIPv6: 'fd22::b' });
  });

  it('tells peers its end of the tunnel in each family, the same after each start', async () => {
    await world.configure({ ...DUAL, backend: { type: 'vxlan', vni: 7 } });
    const { subnets } = await world.join(host(1, {}, both));
    const read = async () => {
      const kv = await world.store.get(keys.subnet(subnets));
      return kv === undefined ? undefined : decodeLease(kv);
    };
    const lease = await read();
    expect(lease).toMatchObject({
      backendType: 'vxlan',
      ipv4: { vtep: { vni: 7 } },
      ipv6: { vtep: { vni: 7 } },
    });
    await world.join(host(1, { instance: 'second' }, both));
    expect(await read()).toEqual(lease);
  });

  it('takes part in the families that its link has an address of, and says so of the other', async () => {
    await world.configure(DUAL);
    const member = await world.join(host(1));
    expect(Object.keys(member.subnets)).toEqual(['ipv4']);
    expect(member.waiting).toBe(
      'host "host-1" waits for a subnet: its link has no IPv6 address, which the network fd00:10::/48 needs',
    );
  });

  it('takes over at once what the same host held before, under another address too', async () => {
    const first = await world.join(host(1));
    const moved = host(1, {
      instance: 'second',
      node: { ipv4: { publicIp: '192.168.122.77', network: '192.168.122.0/24' } },
    });
    first.stop();
    await world.remove(keys.alive('host-1'));
    await world.remove(keys.identity('id-1'));
    const second = await world.join(moved);
    expect(second.subnets).toEqual(first.subnets);
    expect(await world.names(keys.subnetPrefix)).toHaveLength(1);
    const lease = await world.store.get(keys.subnet(second.subnets));
    expect(lease?.value).toContain('"PublicIP":"192.168.122.77"');
    expect((await world.store.get(keys.alive('host-1')))?.value).toContain('second');
  });

  it('prefers what its disk says when etcd has forgotten it, then what flannel had on this host', async () => {
    const lastSubnets = { ipv4: '10.10.42.0/24' };
    const flannelSubnets = { ipv4: '10.10.43.0/24' };
    expect((await world.join(host(1, { lastSubnets, flannelSubnets }))).subnets).toEqual(lastSubnets);
    expect((await world.join(host(2, { lastSubnets, flannelSubnets }))).subnets).toEqual(flannelSubnets);
    const third = await world.join(host(3, { lastSubnets, flannelSubnets }));
    expect([lastSubnets.ipv4, flannelSubnets.ipv4]).not.toContain(third.subnets.ipv4);
  });

  it("takes over a flannel daemon's lease of the same address, of both families, and no other's", async () => {
    await world.configure(DUAL);
    const key = keys.subnet({ ipv4: '10.10.9.0/24', ipv6: 'fd00:10:0:9::/64' });
    await world.put(key, { PublicIP: '192.168.122.11', PublicIPv6: 'fd22::b', BackendType: 'host-gw' });
    const other = await world.join(host(2, { flannelSubnets: { ipv4: '10.10.9.0/24' } }, both));
    expect(other.subnets.ipv4).not.toBe('10.10.9.0/24');
    const { subnets } = await world.join(host(1, { flannelSubnets: { ipv4: '10.10.1.0/24' } }, both));
    expect(subnets).toEqual({ ipv4: '10.10.9.0/24', ipv6: 'fd00:10:0:9::/64' });
    expect((await world.store.get(key))?.value).toContain('"CausewayNode":{"id":"id-1"');
  });

  it("takes a flannel daemon's IPv4 subnet over into a lease of both families, in one step", async () => {
    await world.configure(DUAL);
    await world.put(keys.subnet({ ipv4: '10.10.9.0/24' }), {
      ...{ PublicIP: '192.168.122.11', PublicIPv6: null, BackendType: 'host-gw' },
    });
    const { subnets } = await world.join(host(1, {}, both));
    expect(subnets.ipv4).toBe('10.10.9.0/24');
    expect(await world.names(keys.subnetPrefix)).toEqual([
      keys.subnet(subnets).slice(keys.subnetPrefix.length),
    ]);
  });

  it("leaves a flannel node's lease beside its own as it is, under its key and on its lease", async () => {
    const key = keys.subnet({ ipv4: '10.10.9.0/24' });
    await world.put(key, '{"PublicIP":"192.168.122.200","PublicIPv6":null,"BackendType":"host-gw"}');
    const before = await world.store.get(key);
    for (let n = 1; n <= 5; n++) await world.join(host(n));
    expect(await world.store.get(key)).toEqual(before);
  });

  it('gets what is reserved for it, whatever it had, and never what is reserved for another', async () => {
    await world.configure(SMALL);
    const reserve = (subnet: string, node: string) => world.put(keys.reservation(subnet), { subnet, node });
    await reserve('10.10.0.8/30', 'host-2');
    await reserve('10.10.0.12/30', 'host-9');
    const first = await world.join(host(1, { lastSubnets: { ipv4: '10.10.0.8/30' } }));
    expect(first.subnets.ipv4).toBe('10.10.0.4/30');
    const second = await world.join(host(2, { lastSubnets: { ipv4: '10.10.0.4/30' } }));
    expect(second.subnets.ipv4).toBe('10.10.0.8/30');
    const third = await world.join(host(3));
    expect([third.subnets, third.waiting]).toEqual([{}, expect.stringContaining('2 leased, 1 reserved')]);
  });

  it('treats a malformed lease, claim or reservation as taken, and is not stopped by it', async () => {
    await world.configure({ ipv4: { network: '10.10.0.0/27', subnetLen: 30 } });
    await world.put(keys.subnet({ ipv4: '10.10.0.4/30' }), 'not json');
    await world.put(`${keys.subnetPrefix}nonsense`, '{}');
    await world.put(`${keys.subnetPrefix}10.10.0.20-30&garbage`, '{}');
    await world.put(keys.claim('10.10.0.8/30'), '{');
    await world.put(`${keys.claimPrefix}nonsense`, 'x');
    await world.put(keys.reservation('10.10.0.16/30'), '[]');
    const got = [await world.join(host(1)), await world.join(host(2)), await world.join(host(3))];
    expect(got.map(({ subnets }) => subnets.ipv4).sort()).toEqual([
      '10.10.0.12/30',
      '10.10.0.24/30',
      '10.10.0.28/30',
    ]);
  });

  it('that is not told whether it has joined leaves what it may have written', async () => {
    const first = await world.join(host(1));
    first.stop();
    const silent: Store = {
      ...world.store,
      transaction: async (guards, writes) => {
        await world.store.transaction(guards, writes);
        throw new CausewayError('timeout', 'writing to etcd: no answer');
      },
    };
    const again = world.join(host(1, { instance: 'second' }), silent);
    await expect(again).rejects.toMatchObject({ code: 'timeout' });
    expect((await world.store.get(keys.alive('host-1')))?.value).toContain('second');
    expect((await world.store.get(keys.subnet(first.subnets)))?.value).toContain('host-1');
  });

  it('follows the accepted configuration while the one in etcd cannot be read', async () => {
    await world.put(keys.acceptedNetwork, '{"Network":"10.30.0.0/16","Backend":{"Type":"host-gw"}}');
    await world.put(keys.networkConfig, '{');
    expect((await world.join(host(1))).subnets.ipv4).toMatch(/^10\.30\./);
  });

  it('says what is missing when there is no network configuration, or an unreadable one', async () => {
    await world.put(keys.networkConfig, '{');
    await expect(world.join(host(1))).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining(keys.networkConfig),
    });
    await world.remove(keys.networkConfig);
    await expect(world.join(host(1))).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('etcd has no network configuration'),
    });
    for (const prefix of [keys.nodePrefix, keys.alivePrefix, keys.claimPrefix, keys.subnetPrefix])
      expect(await world.names(prefix)).toEqual([]);
  });

  it('is refused where the containers would be on the hosts’ own link, in either family', async () => {
    const overlaps = (network: string) => ({
      ...{ code: 'conflict', field: 'network', message: expect.stringContaining(`${network} overlaps`) },
    });
    await world.configure({ ipv4: { network: '192.168.0.0/16' } });
    await expect(world.join(host(1))).rejects.toMatchObject(overlaps('192.168.0.0/16'));
    await world.configure({ ipv6: { network: 'fd22::/48' } });
    await expect(world.join(host(1, {}, both))).rejects.toMatchObject(overlaps('fd22::/48'));
  });
});
