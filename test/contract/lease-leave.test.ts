import { leaveCluster } from '@causeway/node-agent/cluster/leave';
import { keys } from '@causeway/shared/store/keys';
import { expect, it } from 'vitest';
import { both, DUAL, host, onBothStores } from './lease-world.ts';

onBothStores((world) => {
  it('removes all of its own and nothing of others', async () => {
    await world.configure(DUAL);
    const one = await world.join(host(1, {}, both));
    const two = await world.join(host(2, {}, both));
    const status = (name: string, on: string) => ({ name, host: on, state: 'running' });
    const event = (node: string) => ({
      ...{
        node,
        sequence: 0,
        at: '2026-11-21T10:00:00.000Z',
        kind: 'joined',
        severity: 'info',
        message: 'x',
      },
    });
    for (const name of ['host-1', 'host-2']) {
      await world.put(keys.report(name), '{}');
      await world.put(keys.event(name, 0), event(name));
      await world.put(keys.nodePolicy(name), { name, cordoned: true, drained: false });
    }
    await world.put(keys.reservation('10.10.99.0/24'), { subnet: '10.10.99.0/24', node: 'host-1' });
    await world.put(keys.containerStatus('web-1'), status('web-1', 'host-1'));
    await world.put(keys.containerStatus('web-2'), status('web-2', 'host-2'));
    await world.put(keys.container('web-1'), '{}');
    one.stop();
    expect(await leaveCluster(world.store, 'host-1', 'id-1')).toEqual([
      `gave back subnet ${one.subnets.ipv4} and ${one.subnets.ipv6} and the name host-1`,
    ]);
    const dashed = (subnet: string | undefined) => (subnet ?? '').replace('/', '-');
    const left = (await world.names('/causeway/v1/')).filter((name) => !name.startsWith('settings'));
    expect(left.sort()).toEqual(
      [
        ...['alive/host-2', 'container-status/web-2', 'containers/web-1', 'events/host-2/0', 'ids/id-2'],
        ...[`claims/${dashed(two.subnets.ipv4)}`, `claims/${dashed(two.subnets.ipv6)}`],
        ...['node-policies/host-1', 'node-policies/host-2', 'nodes/host-2', 'reports/host-2'],
        'reservations/10.10.99.0-24',
      ].sort(),
    );
    expect(await world.names(keys.subnetPrefix)).toEqual([
      keys.subnet(two.subnets).slice(keys.subnetPrefix.length),
    ]);
    expect(await leaveCluster(world.store, 'host-1', 'id-1')).toEqual([]);
  });

  it("removes nothing under its name when that is another host's", async () => {
    const { subnets } = await world.join(host(1));
    expect(await leaveCluster(world.store, 'host-1', 'stranger')).toEqual([]);
    expect(await world.store.get(keys.subnet(subnets))).toBeDefined();
    expect(await world.names(keys.alivePrefix)).toEqual(['host-1']);
  });

  it('a key that somebody changes in between is looked at again, not removed blindly', async () => {
    const one = await world.join(host(1));
    one.stop();
    const key = keys.node('host-1');
    const theirs = JSON.stringify({ ...JSON.parse((await world.store.get(key))?.value ?? ''), id: 'id-9' });
    let done = false;
    const store: typeof world.store = {
      ...world.store,
      transaction: async (guards, writes) => {
        if (!done) await world.put(key, theirs);
        done = true;
        return world.store.transaction(guards, writes);
      },
    };
    expect(await leaveCluster(store, 'host-1', 'id-1')).toEqual([`gave back subnet ${one.subnets.ipv4}`]);
    expect((await world.store.get(key))?.value).toBe(theirs);
    expect(await world.names(keys.claimPrefix)).toEqual([]);
  });
});
