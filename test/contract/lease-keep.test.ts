import { CausewayError } from '@causeway/shared/errors';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { describe, expect, it, vi } from 'vitest';
import { patient } from '../support/store.ts';
import { both, DUAL, host, onBothStores, onEtcd, SMALL } from './lease-world.ts';

const thief = '{"PublicIP":"192.168.122.99","PublicIPv6":null,"BackendType":"host-gw"}';

onBothStores((world) => {
  describe('the own lease', () => {
    it('that was deleted is written again, as it was', async () => {
      const { member, events } = await world.observe(host(1));
      const { record } = member;
      const key = keys.subnet(member.subnets);
      const good = await world.store.get(key);
      await world.remove(key);
      await member.check();
      expect(events).toEqual([
        { kind: 'lost', what: 'ownership', reason: `etcd key ${key} is gone` },
        { kind: 'restored' },
      ]);
      const again = await world.store.get(key);
      expect([again?.value, again?.leaseId, member.record]).toEqual([good?.value, good?.leaseId, record]);
    });

    it('that is another’s is used no more before anything else, then another is taken, and theirs is not touched', async () => {
      const { member, events } = await world.observe(host(1));
      const from = member.subnets;
      const used: unknown[] = [];
      member.onEvent(() => used.push(member.subnets));
      const key = keys.subnet(from);
      await world.put(key, thief);
      const theirs = await world.store.get(key);
      await member.check();
      expect(events).toEqual([
        { kind: 'lost', what: 'ownership', reason: `etcd has ${from.ipv4} as another host's` },
        { kind: 'fenced', subnets: from, reason: `etcd has ${from.ipv4} as another host's` },
        { kind: 'moved', from: {}, to: member.subnets },
      ]);
      expect(used).toEqual([from, {}, member.subnets]);
      expect(member.subnets.ipv4).not.toBe(from.ipv4);
      expect(await world.store.get(key)).toEqual(theirs);
      expect(await world.names(keys.claimPrefix)).toEqual([(member.subnets.ipv4 ?? '').replace('/', '-')]);
      await member.check();
      expect(events).toHaveLength(3);
    });

    it('that is another’s while there is no other leaves the host without, until there is one again', async () => {
      await world.configure(SMALL);
      const { member, happens } = await world.observe(host(1));
      await world.join(host(2));
      await world.join(host(3));
      const key = keys.subnet(member.subnets);
      await world.put(key, thief);
      await member.check();
      expect(member.subnets).toEqual({});
      expect(member.waiting).toContain('network 10.10.0.0/28 is too small');
      expect((await world.store.get(keys.node('host-1')))?.value).not.toContain('subnet');
      await world.remove(key);
      await happens('moved');
      expect(Object.keys(member.subnets)).toEqual(['ipv4']);
    });

    it('of which one family’s claim is another’s keeps the other family’s subnet', async () => {
      await world.configure(DUAL);
      const { member, events } = await world.observe(host(1, {}, both));
      const before = member.subnets;
      await world.put(keys.claim(before.ipv6 ?? ''), 'id-9');
      await member.check();
      expect(events[1]).toMatchObject({ kind: 'fenced', subnets: { ipv6: before.ipv6 } });
      expect(member.subnets).toEqual({
        ipv4: before.ipv4,
        ipv6: expect.not.stringMatching(before.ipv6 ?? ''),
      });
    });

    it.each(['x', '{"PublicIP":"not an address"}'])(
      'where somebody wrote what cannot be read is written again: %s',
      async (garbage) => {
        const { member, events } = await world.observe(host(1));
        const { record, subnets } = member;
        const good = await world.store.get(keys.subnet(subnets));
        await world.put(keys.subnet(subnets), garbage);
        await member.check();
        expect(events.map(({ kind }) => kind)).toEqual(['lost', 'restored']);
        expect(member.record).toEqual(record);
        const again = await world.store.get(keys.subnet(subnets));
        expect([again?.value, again?.leaseId]).toEqual([good?.value, good?.leaseId]);

        // A host that starts anew, and has lost its own note of it, has the claim to go by too.
        await world.put(keys.subnet(subnets), garbage);
        expect((await world.join(host(1, { instance: 'second' }))).record).toEqual(record);
      },
    );

    it.each(['10.10.0.0-16', '10.0.0.0-8', '10.10.1.0-25'])(
      'is kept beside a key that names another block over it: %s drives nobody out',
      async (name) => {
        const { member } = await world.observe(host(1, { lastSubnets: { ipv4: '10.10.1.0/24' } }));
        await world.put(`${keys.subnetPrefix}${name}`, thief);
        await member.verify();
        expect(member.subnets).toEqual({ ipv4: '10.10.1.0/24' });
        const again = await world.join(host(1, { instance: 'second' }));
        expect(again.subnets).toEqual({ ipv4: '10.10.1.0/24' });
      },
    );
  });

  it('the record, the sign of life and the id are written again where others spoilt them', async () => {
    const { member, events } = await world.observe(host(1));
    for (const key of [keys.node('host-1'), keys.alive('host-1'), keys.identity('id-1')]) {
      const good = (await world.store.get(key))?.value;
      await world.put(key, '{');
      await member.check();
      expect((await world.store.get(key))?.value).toBe(good);
    }
    expect(events.map(({ kind }) => kind)).toEqual(Array(3).fill(['lost', 'restored']).flat());
  });

  it('looking costs one request while nobody touched anything', async () => {
    let asked = 0;
    const count = <T extends unknown[], R>(call: (...args: T) => R) => {
      return (...args: T) => {
        asked += 1;
        return call(...args);
      };
    };
    const { store } = world;
    const counted = {
      ...store,
      ...{ get: count(store.get), list: count(store.list), transaction: count(store.transaction) },
    };
    // What is noted of the configuration comes later.
    const member = await world.join(host(1, { random: () => 0.99 }), counted);
    const joining = asked;
    expect(joining).toBe(8);
    await member.check();
    expect(asked).toBe(joining + 1);
  });

  it.each([0, 1, 2, 3, 4, 5])(
    'a look that is asked for when another ends, %i turns later, is made',
    async (turns) => {
      let looks = 0;
      const through: Store = {
        ...world.store,
        list: (prefix) => {
          if (prefix === keys.networkPrefix) looks += 1;
          return world.store.list(prefix);
        },
      };
      const member = await world.join(host(1), through);
      const asked = new Promise<void>((resolve) =>
        member.onEvent(async ({ kind }) => {
          if (kind !== 'restored') return;
          for (let i = 0; i < turns; i++) await undefined;
          resolve(member.verify());
        }),
      );
      await world.remove(keys.subnet(member.subnets));
      const before = looks;
      await member.verify();
      await asked;
      expect(looks).toBe(before + 2);
    },
  );

  it('a lease is kept up until there is another in its place', async () => {
    const released: string[] = [];
    const faults: CausewayError[] = [];
    const fail = () => {
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
    };
    const through: Store = {
      ...world.store,
      grantLease: async (seconds) => {
        fail();
        const lease = await world.store.grantLease(seconds);
        const release = () => {
          released.push(lease.id);
          lease.release();
        };
        return { ...lease, release };
      },
      transaction: async (guards, writes) => {
        if (writes.length > 0) fail();
        return world.store.transaction(guards, writes);
      },
    };
    const member = await world.join(host(1, { random: () => 0.99 }), through);
    await world.remove(keys.subnet(member.subnets));
    faults.push(
      new CausewayError('not-found', 'writing to etcd: requested lease not found'),
      new CausewayError('unreachable', 'granting a lease: etcd is away'),
    );
    await member.verify();
    expect(faults).toEqual([]);
    expect(released).not.toContain(member.ownership.id);
  });
});

onEtcd((world) => {
  const revoke = (ID: string | undefined) =>
    fetch(`${world.etcd.endpoint}/v3/lease/revoke`, { method: 'POST', body: JSON.stringify({ ID }) });

  it('comes back with the same subnet when its lease was revoked', async () => {
    const { member, events, happens } = await world.observe(host(1, { ownershipSeconds: 3 }));
    const { record, subnets } = member;
    await revoke(member.ownership.id);
    await happens('restored');
    expect(events[0]).toMatchObject({ kind: 'lost', what: 'ownership' });
    expect(member.record).toEqual(record);
    expect((await world.store.get(keys.subnet(subnets)))?.leaseId).toBe(member.ownership.id);
    expect(member.ownership.remainingMs()).toBeGreaterThan(0);
  });

  it('notices a revoked lease as soon as it looks, long before its own clock would', async () => {
    const { member, events, happens } = await world.observe(host(1));
    const { subnets } = member;
    await revoke(member.ownership.id);
    await member.check();
    await happens('restored');
    expect(events.map(({ kind }) => kind)).toContain('lost');
    expect((await world.store.get(keys.subnet(subnets)))?.leaseId).toBe(member.ownership.id);
  });

  it('says again that it is alive without touching its lease', async () => {
    const { member, events, happens } = await world.observe(host(1, { aliveSeconds: 3 }));
    const key = keys.subnet(member.subnets);
    const lease = await world.store.get(key);
    await revoke(member.liveness.id);
    await happens('restored');
    expect(events[0]).toMatchObject({ kind: 'lost', what: 'liveness' });
    expect(await world.store.get(keys.alive('host-1'))).toBeDefined();
    const after = await world.store.get(key);
    expect([after?.value, after?.leaseId]).toEqual([lease?.value, lease?.leaseId]);
  });

  it('keeps trying while etcd is away longer than its leases last', async () => {
    const { member, events, happens } = await world.observe(
      host(1, { ownershipSeconds: 2, aliveSeconds: 2 }),
    );
    const { record, subnets } = member;
    await world.etcd.kill();
    await happens('retrying');
    expect(member.subnets).toEqual(subnets);
    await world.etcd.restart();
    await happens('restored');
    await vi.waitFor(async () => expect(await world.store.get(keys.alive('host-1'))).toBeDefined(), patient);
    expect(member.record).toEqual(record);
    expect(events.filter((event) => event.kind === 'moved')).toEqual([]);
  });
});
