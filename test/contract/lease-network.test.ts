import { acceptNetwork } from '@causeway/node-agent/lease/accept';
import { fingerprintOf } from '@causeway/shared/model/effective-config';
import { completeNetworkConfig } from '@causeway/shared/model/network.schema';
import { decodeLease, encodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { keys } from '@causeway/shared/store/keys';
import { expect, it, vi } from 'vitest';
import { patient } from '../support/store.ts';
import { both, configure, DUAL, host, onBothStores, onEtcd, V4, V6 } from './lease-world.ts';

const OTHER = { ipv4: { network: '10.20.0.0/16' } };
const confirmed = (input: typeof OTHER) => ({
  ...input,
  renumber: fingerprintOf(completeNetworkConfig(input)),
});
const text = (input: typeof V4) => encodeNetworkConfig(completeNetworkConfig(input));

onBothStores((world) => {
  const accepted = async () => (await world.store.get(keys.acceptedNetwork))?.value;
  const isAccepted = (value: string) => vi.waitFor(async () => expect(await accepted()).toBe(value), patient);
  const leaseNames = () => world.names(keys.subnetPrefix);

  it('the configuration that hosts follow is noted, and no other is written over it', async () => {
    await world.join(host(1, { random: () => 0 }));
    await isAccepted(text(V4));
    const config = await world.store.get(keys.networkConfig);
    const before = await world.store.get(keys.acceptedNetwork);
    const revision = config?.modRevision ?? 0;
    expect(await acceptNetwork(world.store, completeNetworkConfig(V4), revision)).toBe(true);
    expect(await world.store.get(keys.acceptedNetwork)).toEqual(before);
    expect(await acceptNetwork(world.store, completeNetworkConfig(OTHER), revision - 1)).toBe(false);
    expect(await accepted()).toBe(text(V4));
  });

  it('a change that would renumber is not followed where nobody can read what was followed before', async () => {
    const { member, events, happens } = await world.observe(host(1, { random: () => 0 }));
    await isAccepted(text(V4));
    const before = [member.subnets, await leaseNames()];
    await world.configure(OTHER);
    await world.put(keys.acceptedNetwork, 'x');
    const told = /would renumber 1 host \(host-1\), and which one hosts followed before cannot be read/;
    await expect(world.join(host(2))).rejects.toThrow(told);
    const looking = member.verify();
    await happens('retrying');
    expect(events.at(-1)).toMatchObject({ reason: expect.stringMatching(told) });
    expect([member.subnets, await leaseNames(), await accepted()]).toEqual([...before, 'x']);
    await world.remove(keys.acceptedNetwork);
    await looking;
    expect(member.subnets.ipv4).toMatch(/^10\.20\./);
  });

  it('a change that would renumber is not followed, by who is there and by who joins, until it is confirmed', async () => {
    const { member, events } = await world.observe(host(1, { random: () => 0 }));
    const before = member.subnets;
    await isAccepted(text(V4));
    await world.configure(OTHER);
    await member.verify();
    expect(member.subnets).toEqual(before);
    expect(events).toEqual([
      { kind: 'network-refused', reason: expect.stringContaining('it would renumber 1 host (host-1)') },
    ]);
    expect(member.refused).toContain('10.10.0.0/16');
    const late = await world.join(host(2));
    expect([late.subnets.ipv4, late.refused]).toEqual([
      expect.stringMatching(/^10\.10\./),
      expect.stringContaining('10.20.0.0/16'),
    ]);
    expect(await accepted()).toBe(text(V4));

    await world.configure(confirmed(OTHER));
    await Promise.all([member.verify(), late.verify()]);
    expect([member.subnets.ipv4, late.subnets.ipv4]).toEqual(
      Array(2).fill(expect.stringMatching(/^10\.20\./)),
    );
    expect(member.subnets.ipv4).not.toBe(late.subnets.ipv4);
    expect(events.at(1)).toEqual({ kind: 'moved', from: before, to: member.subnets });
    expect([await leaseNames(), await world.names(keys.claimPrefix)]).toEqual(
      Array(2).fill([expect.stringMatching(/^10\.20\./), expect.stringMatching(/^10\.20\./)]),
    );
    await isAccepted(text(confirmed(OTHER)));
  });

  it('a change that renumbers nobody is followed and noted', async () => {
    const { member, events } = await world.observe(host(1, { random: () => 0 }));
    const before = member.subnets;
    await isAccepted(text(V4));
    const wider = { ipv4: { network: '10.0.0.0/8' } };
    await world.configure(wider);
    await member.verify();
    expect(member.subnets).toEqual(before);
    expect(events).toEqual([{ kind: 'network-changed' }]);
    await isAccepted(text(wider));
  });

  it('a family that is added gives each host a subnet more, and the one that it has stays', async () => {
    const { member, events } = await world.observe(host(1, {}, both));
    const before = member.subnets;
    await world.configure(DUAL);
    await member.verify();
    expect(member.subnets).toEqual({ ...before, ipv6: expect.stringMatching(/^fd00:10:/) });
    expect(await leaseNames()).toEqual([keys.subnet(member.subnets).slice(keys.subnetPrefix.length)]);
    expect(events[0]).toEqual({ kind: 'moved', from: before, to: member.subnets });
  });

  it('a family that is confirmed to go goes, with its claim', async () => {
    await world.configure(DUAL);
    const member = await world.join(host(1, { random: () => 0 }, both));
    await isAccepted(text(DUAL));
    await world.configure(V6);
    await member.verify();
    expect(Object.keys(member.subnets)).toEqual(['ipv4', 'ipv6']);
    await world.configure({ ...V6, renumber: fingerprintOf(completeNetworkConfig(V6)) });
    await member.verify();
    expect(Object.keys(member.subnets)).toEqual(['ipv6']);
    expect(await world.names(keys.claimPrefix)).toEqual([(member.subnets.ipv6 ?? '').replace('/', '-')]);
  });

  it('a change of the backend rewrites the lease and keeps the subnet', async () => {
    const member = await world.join(host(1));
    const before = member.subnets;
    await world.configure({ ...V4, backend: { type: 'vxlan', directRouting: true } });
    await member.verify();
    expect(member.subnets).toEqual(before);
    const kv = await world.store.get(keys.subnet(before));
    const lease = kv === undefined ? undefined : decodeLease(kv);
    expect(lease).toMatchObject({ backendType: 'vxlan', ipv4: { vtep: { vni: 1 } } });
  });

  it('a change of the address is written, with everything that says it, and the subnet stays', async () => {
    const member = await world.join(host(1));
    const before = member.subnets;
    const { node } = host(1, { node: { ipv4: { publicIp: '192.168.122.77', network: '192.168.122.0/24' } } });
    await member.present(node);
    expect(member.subnets).toEqual(before);
    for (const key of [keys.subnet(before), keys.node('host-1'), keys.identity('id-1')])
      expect((await world.store.get(key))?.value).toContain('192.168.122.77');
  });
});

onEtcd((world) => {
  it('two networks with prefixes of their own in one etcd know nothing of each other', async () => {
    const other = openEtcdStore({ endpoints: [world.etcd.endpoint], prefix: '/another/net' });
    try {
      const none = await world.join(host(1, { lastSubnets: { ipv4: '10.10.7.0/24' } }));
      await configure(other, OTHER);
      const { subnets } = await world.join(host(2), other);
      expect([none.subnets.ipv4, subnets.ipv4]).toEqual(['10.10.7.0/24', expect.stringMatching(/^10\.20\./)]);
      expect(await world.names(keys.subnetPrefix)).toEqual(['10.10.7.0-24']);
      expect(await world.names('/another/net/subnets/')).toEqual([(subnets.ipv4 ?? '').replace('/', '-')]);
    } finally {
      for (const { key } of (await world.store.list('/another/')).items) await world.remove(key);
      other.close();
    }
  });
});
