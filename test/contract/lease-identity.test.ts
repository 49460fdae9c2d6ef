import type { JoinInput } from '@causeway/node-agent/lease/membership';
import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it, vi } from 'vitest';
import { patient } from '../support/store.ts';
import { host, onBothStores } from './lease-world.ts';

onBothStores((world) => {
  describe('two hosts with one name', () => {
    const twin = (): JoinInput => host(2, { node: { name: 'host-1' } });

    it('the second is refused in one sentence while the first is alive', async () => {
      await world.join(host(1));
      await expect(world.join(twin())).rejects.toMatchObject({
        code: 'conflict',
        field: 'name',
        message:
          'joining as host "host-1": another host (192.168.122.11, id id-1) is running under this name; give this one another with --name',
      });
      expect(await world.names(keys.subnetPrefix)).toHaveLength(1);
    });

    it('the second is refused while the first is away, until its lease has run out', async () => {
      const first = await world.join(host(1));
      first.stop();
      await world.remove(keys.alive('host-1'));
      await expect(world.join(twin())).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(
          'belongs to another host (192.168.122.11, id id-1) that is not running',
        ),
      });
      await first.ownership.revoke();
      await expect(world.join(twin())).resolves.toBeDefined();
    });

    it('of two that join at once, one gets the name', async () => {
      const results = await Promise.allSettled([world.join(host(1)), world.join(twin())]);
      expect(results.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(await world.names(keys.subnetPrefix)).toHaveLength(1);
    });
  });

  describe('two agents with one id', () => {
    /** A machine copied with its disk, and given another name. */
    const clone = (more: Parameters<typeof host>[1] = {}) =>
      host(2, { aliveSeconds: 1, ...more, node: { id: 'id-1', ...more.node } });

    it('a clone is refused and takes nothing away, after the time in which a dead host is noticed', async () => {
      const { subnets } = await world.join(host(1));
      await expect(world.join(clone())).rejects.toMatchObject({
        code: 'conflict',
        field: 'node-id',
        message: expect.stringMatching(
          /^joining as host "host-2": its id id-1 is not its own: another machine \(192\.168\.122\.11\) is running with it as host "host-1"; /,
        ),
      });
      expect((await world.store.get(keys.subnet(subnets)))?.value).toContain('192.168.122.11');
      expect(await world.names(keys.nodePrefix)).toEqual(['host-1']);
    });

    it('a clone under the same name is refused too', async () => {
      await world.join(host(1));
      await expect(world.join(clone({ node: { id: 'id-1', name: 'host-1' } }))).rejects.toMatchObject({
        field: 'node-id',
      });
    });

    it('of two clones that start at once, one joins', async () => {
      const results = await Promise.allSettled([
        world.join(host(1, { aliveSeconds: 1 })),
        world.join(clone()),
      ]);
      expect(results.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(await world.names(keys.subnetPrefix)).toHaveLength(1);
    });

    it('a clone is refused while the original is away, for as long as its lease lasts', async () => {
      const first = await world.join(host(1));
      first.stop();
      for (const key of [keys.alive('host-1'), keys.identity('id-1')]) await world.remove(key);
      await expect(world.join(clone())).rejects.toMatchObject({
        field: 'node-id',
        message: expect.stringContaining('holds a lease with it as host "host-1"'),
      });
    });

    it('the same machine after a restart is none, and one that was renamed keeps its subnet', async () => {
      const first = await world.join(host(1));
      expect((await world.join(host(1, { instance: 'second' }))).subnets).toEqual(first.subnets);
      const renamed = await world.join(host(1, { instance: 'third', node: { name: 'renamed' } }));
      expect(renamed.subnets).toEqual(first.subnets);
    });

    it('the same machine with another address waits until its earlier start is noticed as dead', async () => {
      const first = await world.join(host(1, { aliveSeconds: 1 }));
      const moved = host(1, {
        ...{ instance: 'second', aliveSeconds: 1 },
        node: { ipv4: { publicIp: '192.168.122.77', network: '192.168.122.0/24' } },
      });
      const second = world.join(moved);
      first.stop();
      await Promise.all([keys.alive('host-1'), keys.identity('id-1')].map(world.remove));
      expect((await second).subnets).toEqual(first.subnets);
    });

    it('who was taken for dead is fenced while the clone lives, says so, and comes back', async () => {
      const { member, events, happens } = await world.observe(host(1));
      const { subnets } = member;
      // Cut off from etcd for longer than its sign of life lasts, while a copy with its name starts.
      for (const key of [keys.alive('host-1'), keys.identity('id-1')]) await world.remove(key);
      const other = await world.join(clone({ node: { id: 'id-1', name: 'host-1' } }));
      expect(other.subnets).toEqual(subnets);
      void member.check();
      await happens('duplicate-id');
      // It is tried again, and refused again, in the meantime.
      expect(events.slice(0, 3).map(({ kind }) => kind)).toEqual(['lost', 'fenced', 'duplicate-id']);
      expect(member.subnets).toEqual({});

      other.stop();
      for (const key of [keys.alive('host-1'), keys.identity('id-1')]) await world.remove(key);
      await vi.waitFor(() => expect(member.subnets).toEqual(subnets), patient);
      expect((await world.store.get(keys.subnet(subnets)))?.value).toContain('192.168.122.11');
    });

    it('who is fenced stays so while the clone is gone and its lease is left, since its containers may run', async () => {
      const { member, events, happens } = await world.observe(host(1));
      const { subnets } = member;
      // Cut off from etcd for longer than its lease lasts.
      const own = [keys.subnet(subnets), keys.claim(subnets.ipv4 ?? ''), keys.node('host-1')];
      for (const key of [...own, keys.alive('host-1'), keys.identity('id-1')]) await world.remove(key);
      const other = await world.join(clone({ lastSubnets: subnets }));
      expect(other.subnets).toEqual(subnets);
      void member.check();
      await happens('duplicate-id');

      other.stop();
      for (const key of [keys.alive('host-2'), keys.identity('id-1')]) await world.remove(key);
      const reason = expect.stringMatching(
        /holds a lease with it as host "host-2"; .* `svcctl node release host-2 --lease`$/,
      );
      await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ kind: 'duplicate-id', reason }), patient);
      expect(member.subnets).toEqual({});

      await other.ownership.revoke();
      await vi.waitFor(() => expect(member.subnets).toEqual(subnets), patient);
    });
  });
});
