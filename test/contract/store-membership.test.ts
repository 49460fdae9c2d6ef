import { leaveCluster } from '@causeway/node-agent/lease/leave';
import {
  type JoinInput,
  joinCluster,
  type Membership,
  type MembershipEvent,
} from '@causeway/node-agent/lease/membership';
import { completeNetworkConfig, type NetworkInput } from '@causeway/shared/model/network.schema';
import { encodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { openStore, patient } from '../support/store.ts';

let etcd: TestEtcd;
let store: Store;

beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd?.stop());
beforeEach(async () => {
  store = openStore(etcd.endpoint);
  for (const prefix of ['/coreos.com/', '/causeway/'])
    for (const { key } of (await store.list(prefix)).items) await store.transaction([], [{ delete: key }]);
  await configure({ network: '10.10.0.0/16' });
});

async function configure(input: NetworkInput): Promise<void> {
  const value = encodeNetworkConfig(completeNetworkConfig(input));
  await store.transaction([], [{ put: keys.networkConfig, value }]);
}

function host(n: number, more: Partial<JoinInput> = {}): JoinInput {
  const publicIp = `192.168.122.${10 + n}`;
  return {
    node: {
      name: `host-${n}`,
      id: `id-${n}`,
      publicIp,
      addresses: [publicIp],
      dataplane: 'nftables',
      version: '0.1.0',
    },
    instance: `instance-${n}`,
    ...more,
  };
}

async function join(input: JoinInput): Promise<Membership> {
  const membership = await joinCluster(store, input);
  onTestFinished(() => membership.stop());
  return membership;
}

const names = async (prefix: string) =>
  (await store.list(prefix)).items.map((kv) => kv.key.slice(prefix.length));

describe('joining', () => {
  it("writes flannel's lease, the claim, the record and the sign of life in one revision", async () => {
    const { record } = await join(host(1));
    const lease = await store.get(keys.subnet(record.subnet));
    expect(lease?.value).toBe(
      '{"PublicIP":"192.168.122.11","PublicIPv6":null,"BackendType":"host-gw","CausewayNode":{"id":"id-1","name":"host-1"}}',
    );
    const others = [keys.claim(record.subnet), keys.node('host-1'), keys.alive('host-1')];
    const [claim, node, alive] = await Promise.all(others.map((key) => store.get(key)));
    expect(claim?.value).toBe('id-1');
    expect(JSON.parse(node?.value ?? '')).toEqual(record);
    expect(JSON.parse(alive?.value ?? '')).toEqual({ id: 'id-1', instance: 'instance-1' });
    expect(new Set([lease, claim, node, alive].map((kv) => kv?.modRevision)).size).toBe(1);
    expect(claim?.leaseId).toBe(lease?.leaseId);
    expect(node?.leaseId).toBe(lease?.leaseId);
    expect(alive?.leaseId).not.toBe(lease?.leaseId);
  });

  it('gives 50 hosts that join at once 50 subnets', async () => {
    const members = await Promise.all(Array.from({ length: 50 }, (_, n) => join(host(n))));
    const subnets = members.map((member) => member.record.subnet);
    expect(new Set(subnets).size).toBe(50);
    expect((await names(keys.subnetPrefix)).sort()).toEqual(subnets.map((s) => s.replace('/', '-')).sort());
    expect(await names(keys.claimPrefix)).toHaveLength(50);
  });

  it('gives the last three subnets to three of eight that race for them, and tells the others why not', async () => {
    await configure({ network: '10.10.0.0/28' });
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => join(host(n))));
    const won = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value.record.subnet] : []));
    expect(won.sort()).toEqual(['10.10.0.12/30', '10.10.0.4/30', '10.10.0.8/30']);
    const lost = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    for (const error of lost) {
      expect(error).toMatchObject({ code: 'exhausted' });
      expect(error.message).toMatch(
        /^leasing a subnet for host "host-\d": network 10\.10\.0\.0\/28 is too small: all 3 subnets of \/30 from 10\.10\.0\.4 to 10\.10\.0\.12 are leased$/,
      );
    }
    // Who was refused leaves nothing behind.
    expect(await names(keys.nodePrefix)).toHaveLength(3);
    expect(await names(keys.alivePrefix)).toHaveLength(3);
  });

  it('takes over at once what the same host held before, under another address too', async () => {
    const first = await join(host(1));
    const moved = host(1, { instance: 'second' });
    const second = await join({ ...moved, node: { ...moved.node, publicIp: '192.168.122.77' } });
    expect(second.record.subnet).toBe(first.record.subnet);
    expect(await names(keys.subnetPrefix)).toHaveLength(1);
    expect((await store.get(keys.subnet(second.record.subnet)))?.value).toContain(
      '"PublicIP":"192.168.122.77"',
    );
    expect((await store.get(keys.alive('host-1')))?.value).toContain('second');
  });

  it('prefers the subnet that it had before when etcd has forgotten it', async () => {
    expect((await join(host(1, { lastSubnet: '10.10.42.0/24' }))).record.subnet).toBe('10.10.42.0/24');
    const other = await join(host(2, { lastSubnet: '10.10.42.0/24' }));
    expect(other.record.subnet).not.toBe('10.10.42.0/24');
  });

  it("takes over a flannel daemon's lease of the same address", async () => {
    const value = '{"PublicIP":"192.168.122.11","PublicIPv6":null,"BackendType":"host-gw"}';
    await store.transaction([], [{ put: keys.subnet('10.10.9.0/24'), value }]);
    expect((await join(host(1))).record.subnet).toBe('10.10.9.0/24');
    expect((await join(host(2))).record.subnet).not.toBe('10.10.9.0/24');
  });

  it('gives up a lease that does not fit the network any more', async () => {
    const first = await join(host(1));
    const { record } = first;
    first.stop();
    await configure({ network: '10.20.0.0/16' });
    const again = await join(host(1, { lastSubnet: record.subnet }));
    expect(again.record.subnet).toMatch(/^10\.20\./);
    expect(await names(keys.subnetPrefix)).toEqual([again.record.subnet.replace('/', '-')]);
    expect(await names(keys.claimPrefix)).toEqual([again.record.subnet.replace('/', '-')]);
  });

  it('treats a key that is not JSON as taken, and is not stopped by it', async () => {
    await configure({ network: '10.10.0.0/28' });
    await store.transaction(
      [],
      [
        { put: keys.subnet('10.10.0.4/30'), value: 'not json' },
        { put: `${keys.subnetPrefix}nonsense`, value: '{}' },
        { put: keys.claim('10.10.0.8/30'), value: '{' },
      ],
    );
    expect((await join(host(1))).record.subnet).toBe('10.10.0.12/30');
  });

  it('says what is missing when there is no network configuration, or an unreadable one', async () => {
    await store.transaction([], [{ put: keys.networkConfig, value: '{' }]);
    await expect(join(host(1))).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining(keys.networkConfig),
    });
    await store.transaction([], [{ delete: keys.networkConfig }]);
    await expect(join(host(1))).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('etcd has no network configuration'),
    });
  });
});

describe('two hosts with one name', () => {
  const twin = (): JoinInput => {
    const second = host(2);
    return { ...second, node: { ...second.node, name: 'host-1' } };
  };

  it('the second is refused in one sentence while the first is alive', async () => {
    await join(host(1));
    await expect(join(twin())).rejects.toMatchObject({
      code: 'conflict',
      field: 'name',
      message:
        'joining as host "host-1": another host (192.168.122.11, id id-1) is running under this name; give this one another with --name',
    });
    expect(await names(keys.subnetPrefix)).toHaveLength(1);
  });

  it('the second is refused while the first is away, until its lease has run out', async () => {
    const first = await join(host(1));
    first.stop();
    await store.transaction([], [{ delete: keys.alive('host-1') }]);
    await expect(join(twin())).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(
        'belongs to another host (192.168.122.11, id id-1) that is not running',
      ),
    });
    await first.ownership.revoke();
    await expect(join(twin())).resolves.toBeDefined();
  });

  it('of two that join at once, one gets the name', async () => {
    const results = await Promise.allSettled([join(host(1)), join(twin())]);
    expect(results.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await names(keys.subnetPrefix)).toHaveLength(1);
  });
});

describe('keeping', () => {
  async function observed(input: JoinInput) {
    const member = await join(input);
    const events: MembershipEvent[] = [];
    member.onEvent((event) => events.push(event));
    const happens = (kind: MembershipEvent['kind']) =>
      vi.waitFor(() => expect(events.map((event) => event.kind)).toContain(kind), patient);
    return { member, events, happens };
  }

  const revoke = (ID: string | undefined) =>
    fetch(`${etcd.endpoint}/v3/lease/revoke`, { method: 'POST', body: JSON.stringify({ ID }) });

  it('comes back with the same subnet when its lease was revoked', async () => {
    const { member, events, happens } = await observed(host(1, { ownershipSeconds: 3 }));
    const before = member.record;
    await revoke(member.ownership.id);
    await happens('restored');
    expect(events[0]).toMatchObject({ kind: 'lost', what: 'ownership' });
    expect(member.record).toEqual(before);
    expect((await store.get(keys.subnet(before.subnet)))?.leaseId).toBe(member.ownership.id);
    expect(member.ownership.remainingMs()).toBeGreaterThan(0);
  });

  it('says again that it is alive without touching its lease', async () => {
    const { member, events, happens } = await observed(host(1, { aliveSeconds: 3 }));
    const lease = await store.get(keys.subnet(member.record.subnet));
    await revoke((await store.get(keys.alive('host-1')))?.leaseId);
    await happens('restored');
    expect(events[0]).toMatchObject({ kind: 'lost', what: 'liveness' });
    expect(await store.get(keys.alive('host-1'))).toBeDefined();
    expect(await store.get(keys.subnet(member.record.subnet))).toEqual(lease);
  });

  it('moves when somebody else has its subnet', async () => {
    const { member, events } = await observed(host(1));
    const from = member.record.subnet;
    const thief = '{"PublicIP":"192.168.122.99","BackendType":"host-gw"}';
    await store.transaction([], [{ put: keys.subnet(from), value: thief }]);
    await member.verify();
    const to = member.record.subnet;
    expect(to).not.toBe(from);
    expect(events.at(-1)).toEqual({ kind: 'moved', from, to });
    expect((await store.get(keys.subnet(from)))?.value).toBe(thief);
    await member.verify();
    expect(events).toHaveLength(2);
  });

  it.each(['x', '{"PublicIP":"not an address"}'])(
    'writes its lease again where somebody wrote what cannot be read: %s',
    async (garbage) => {
      const { member, events } = await observed(host(1));
      const { record } = member;
      const good = await store.get(keys.subnet(record.subnet));
      await store.transaction([], [{ put: keys.subnet(record.subnet), value: garbage }]);
      await member.verify();
      expect(events.map(({ kind }) => kind)).toEqual(['lost', 'restored']);
      expect(member.record).toEqual(record);
      const again = await store.get(keys.subnet(record.subnet));
      expect([again?.value, again?.leaseId]).toEqual([good?.value, good?.leaseId]);

      // A host that starts anew, and has lost its own note of it, has the claim to go by too.
      await store.transaction([], [{ put: keys.subnet(record.subnet), value: garbage }]);
      expect((await join(host(1, { instance: 'second' }))).record).toEqual(record);
    },
  );

  it('keeps trying while etcd is away longer than its leases last', async () => {
    const { member, events, happens } = await observed(host(1, { ownershipSeconds: 2, aliveSeconds: 2 }));
    const before = member.record;
    await etcd.kill();
    await happens('retrying');
    await etcd.restart();
    await happens('restored');
    await vi.waitFor(async () => expect(await store.get(keys.alive('host-1'))).toBeDefined(), patient);
    expect(member.record).toEqual(before);
    expect(events.filter((event) => event.kind === 'moved')).toEqual([]);
  });
});

describe('leaving', () => {
  it('removes all of its own and nothing of others', async () => {
    const one = await join(host(1));
    const two = await join(host(2));
    const status = (name: string, on: string) => JSON.stringify({ name, host: on, state: 'running' });
    await store.transaction(
      [],
      [
        { put: keys.report('host-1'), value: '{}' },
        { put: keys.report('host-2'), value: '{}' },
        { put: keys.containerStatus('web-1'), value: status('web-1', 'host-1') },
        { put: keys.containerStatus('web-2'), value: status('web-2', 'host-2') },
        { put: keys.container('web-1'), value: '{}' },
      ],
    );
    one.stop();
    const removed = await leaveCluster(store, { name: 'host-1', id: 'id-1' });
    expect(removed).toHaveLength(6);
    const subnet = two.record.subnet.replace('/', '-');
    const left = [...(await names('/causeway/v1/')), ...(await names(keys.subnetPrefix))].sort();
    expect(left).toEqual(
      [
        ...['alive/host-2', `claims/${subnet}`, 'container-status/web-2', 'containers/web-1'],
        ...['nodes/host-2', 'reports/host-2', subnet],
      ].sort(),
    );
    expect(await leaveCluster(store, { name: 'host-1', id: 'id-1' })).toEqual([]);
  });

  it("removes nothing under its name when that is another host's", async () => {
    const { record } = await join(host(1));
    expect(await leaveCluster(store, { name: 'host-1', id: 'stranger' })).toEqual([]);
    expect(await store.get(keys.subnet(record.subnet))).toBeDefined();
    expect(await names(keys.alivePrefix)).toEqual(['host-1']);
  });

  it('keeps name and subnet when asked to', async () => {
    const first = await join(host(1));
    const { record } = first;
    first.stop();
    expect(await leaveCluster(store, { name: 'host-1', id: 'id-1' }, { keepLease: true })).toEqual([
      keys.alive('host-1'),
    ]);
    expect(await store.get(keys.subnet(record.subnet))).toBeDefined();
  });
});
