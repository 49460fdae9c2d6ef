import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { describe, expect, it } from 'vitest';
import { both, DUAL, expectDistinct, host, hosts, onBothStores, V6 } from './lease-world.ts';

/** What goes wrong with flannel's leases, and must not with ours. */
onBothStores((world) => {
  describe('who a host is', () => {
    it('two hosts of IPv6 alone, which have no IPv4 address to be told apart by, get different subnets', async () => {
      await world.configure(V6);
      const members = [
        await world.join(host(1, {}, ['ipv6'])),
        await world.join(host(2, {}, ['ipv6'])),
        await world.join(host(1, { instance: 'second' }, ['ipv6'])),
      ];
      expectDistinct(members.slice(0, 2), { ipv6: 2 });
      expect(members[2]?.subnets).toEqual(members[0]?.subnets);
      expect(await world.names(keys.subnetPrefix)).toHaveLength(2);
    });

    it("a flannel daemon's lease without an IPv4 address is nobody's but its own", async () => {
      await world.configure(V6);
      const key = keys.subnet({ ipv6: 'fd00:10:0:9::/64' });
      await world.put(key, { PublicIP: '0.0.0.0', PublicIPv6: 'fd22::99', BackendType: 'host-gw' });
      const { subnets } = await world.join(host(1, {}, ['ipv6']));
      expect(subnets.ipv6).not.toBe('fd00:10:0:9::/64');
    });
  });

  describe('blind writes', () => {
    /** What somebody else does between the look and the write. */
    const overtaken = (store: Store, before: () => Promise<unknown>): Store => {
      let done = false;
      return {
        ...store,
        transaction: async (guards, writes) => {
          if (!done && writes.length > 0) {
            done = true;
            await before();
          }
          return store.transaction(guards, writes);
        },
      };
    };
    const flannelLease = '{"PublicIP":"192.168.122.200","PublicIPv6":null,"BackendType":"host-gw"}';
    const wish = { lastSubnets: { ipv4: '10.10.42.0/24' } };

    it.each([
      ['lease', () => keys.subnet({ ipv4: '10.10.42.0/24' }), flannelLease],
      ['claim', () => keys.claim('10.10.42.0/24'), 'id-9'],
      ['reservation', () => keys.reservation('10.10.42.0/24'), '{"subnet":"10.10.42.0/24","node":"host-9"}'],
    ])(
      "another's %s that comes in between is never overwritten: the race is run again",
      async (_what, key, value) => {
        const store = overtaken(world.store, () => world.put(key(), value));
        const { subnets } = await world.join(host(1, wish), store);
        expect(subnets.ipv4).not.toBe('10.10.42.0/24');
        expect((await world.store.get(key()))?.value).toBe(value);
      },
    );

    it('a lease that is written again after a loss is guarded too', async () => {
      const member = await world.join(host(1, wish));
      const key = keys.subnet({ ipv4: '10.10.42.0/24' });
      await world.remove(key);
      await world.put(key, flannelLease);
      await member.verify();
      expect((await world.store.get(key))?.value).toBe(flannelLease);
      expect(member.subnets.ipv4).not.toBe('10.10.42.0/24');
    });

    it('a renewal writes no key, so it cannot bring back what was deleted or hide what was changed', async () => {
      // What is noted of the configuration comes later.
      const member = await world.join(host(1, { random: () => 0.99 }));
      const before = (await world.store.list('/')).revision;
      await member.check();
      expect((await world.store.list('/')).revision).toBe(before);
    });

    it('a lost race is tried again for as long as others win', async () => {
      let races = 0;
      const store: Store = {
        ...world.store,
        transaction: async (guards, writes) => {
          const lease = writes.flatMap((write) => ('put' in write ? write.put : [])).at(0) ?? '';
          if (lease.startsWith(keys.subnetPrefix) && races++ < 12) await world.put(lease, flannelLease);
          return world.store.transaction(guards, writes);
        },
      };
      const { subnets } = await world.join(host(1), store);
      expect(races).toBe(13);
      expect((await world.store.get(keys.subnet(subnets)))?.value).toContain('host-1');
      expect(await world.names(keys.subnetPrefix)).toHaveLength(13);
    });
  });

  describe('one key for both families', () => {
    it('no two of 15 hosts that join at once share an IPv4 or an IPv6 subnet', async () => {
      // As few as there can be: every pair of choices meets.
      await world.configure({
        ipv4: { network: '10.10.0.0/26', subnetLen: 30 },
        ipv6: { network: 'fd00:10::/59' },
      });
      const members = await Promise.all(hosts(15, both).map((one) => world.join(one)));
      expectDistinct(members, { ipv4: 15, ipv6: 15 });
    });

    it('the same IPv4 subnet with another IPv6 subnet is refused by its claim, though the keys differ', async () => {
      await world.configure(DUAL);
      const first = await world.join(host(1, {}, both));
      const wish = { ipv4: first.subnets.ipv4 ?? '', ipv6: 'fd00:10:0:aaaa::/64' };
      // As a host that has read etcd before the first one joined.
      const blind: Store = {
        ...world.store,
        list: async (prefix) => ({
          ...(await world.store.list(prefix)),
          items: prefix === keys.networkPrefix ? (await world.store.list(keys.networkConfig)).items : [],
        }),
      };
      const { subnets } = await world.join(host(2, { lastSubnets: wish }, both), blind);
      expect(subnets.ipv4).not.toBe(first.subnets.ipv4);
      expect(subnets.ipv6).toBe(wish.ipv6);
    });

    it("a flannel daemon's key that shares one family's subnet makes this host give way, not the other family", async () => {
      await world.configure(DUAL);
      const { member, events } = await world.observe(host(1, {}, both));
      const before = member.subnets;
      const key = keys.subnet({ ipv4: before.ipv4 ?? '', ipv6: 'fd00:10:0:aaaa::/64' });
      await world.put(key, { PublicIP: '192.168.122.200', PublicIPv6: 'fd22::99', BackendType: 'host-gw' });
      await member.verify();
      expect(events.map(({ kind }) => kind)).toEqual(['lost', 'fenced', 'moved']);
      expect(events[1]).toMatchObject({ subnets: { ipv4: before.ipv4 } });
      expect(member.subnets.ipv4).not.toBe(before.ipv4);
      expect(member.subnets.ipv6).toBe(before.ipv6);
      expect(await world.store.get(key)).toBeDefined();
    });
  });
});
