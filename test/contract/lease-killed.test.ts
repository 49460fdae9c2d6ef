import { joinCluster } from '@causeway/node-agent/lease/join';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import { patient } from '../support/store.ts';
import { type Death, type MortalStore, mortalStore } from './lease-mortal-store.ts';
import {
  both,
  DUAL,
  expectDistinct,
  host,
  type LeaseWorld,
  onBothStores,
  onEtcd,
  subnetsOf,
} from './lease-world.ts';

/** Of joining: two leases, seven readings and one transaction. */
const CALLS = 10;
/** Agents that join at the same time. */
const AT_ONCE = 25;
/** More than that, and more than moving makes. */
const MANY = 40;
const deaths = Array.from({ length: MANY }, (_, call) =>
  (['before', 'after'] as const).map((when) => ({ call, when })),
).flat();

/** Everything that is on a lease, and the network's configuration that is on none. */
async function stateOf(store: Store): Promise<string[]> {
  const listed = await Promise.all([store.list('/coreos.com/'), store.list('/causeway/')]);
  return listed
    .flatMap(({ items }) => items.map((kv) => kv.key))
    .filter((key) => key !== keys.acceptedNetwork);
}

/** @returns whether the process died before it was done */
async function dies({ died }: MortalStore, task: Promise<unknown>): Promise<boolean> {
  return Promise.race([died.then(() => true), task.then(() => false)]);
}

async function runOut({ leases }: MortalStore): Promise<void> {
  for (const lease of leases) await lease.revoke();
}

onBothStores((world) => {
  it('an agent that is killed at any call of joining leaves nothing that does not run out', async () => {
    await world.configure(DUAL);
    const before = await stateOf(world.store);
    let killed = 0;
    for (const death of deaths) {
      const process = mortalStore(world.store, death);
      const joining = joinCluster(process.store, host(1, { random: () => 0.5 }, both));
      const isDead = await dies(process, joining);
      if (isDead) {
        killed += 1;
        const other = await world.join(host(2, {}, both));
        const again = await world.join(host(1, { instance: 'second' }, both));
        expectDistinct([other, again], { ipv4: 2, ipv6: 2 });
        expect(await world.names(keys.subnetPrefix)).toHaveLength(2);
        for (const member of [other, again]) {
          member.stop();
          await Promise.all([member.ownership.revoke(), member.liveness.revoke()]);
        }
      } else (await joining).stop();
      await runOut(process);
      expect(await stateOf(world.store)).toEqual(before);
    }
    expect(killed).toBe(2 * CALLS);
  });

  it('an agent that is killed at any call of moving leaves one subnet or none, and nothing that does not run out', async () => {
    const thief = '{"PublicIP":"192.168.122.99","PublicIPv6":null,"BackendType":"host-gw"}';
    const before = await stateOf(world.store);
    let killed = 0;
    for (const { call, when } of deaths) {
      const joined = await joinCalls(world);
      const process = mortalStore(world.store, { call: joined + call, when });
      const member = await joinCluster(process.store, host(1, { random: () => 0.5 }));
      onTestFinished(() => member.stop());
      const stolen = keys.subnet(member.subnets);
      await world.put(stolen, thief);
      const isDead = await dies(process, member.check());
      if (isDead) killed += 1;
      member.stop();
      const again = await world.join(host(1, { instance: 'second' }));
      expect(again.subnets.ipv4).toBeDefined();
      expect(keys.subnet(again.subnets)).not.toBe(stolen);
      expect((await world.names(keys.subnetPrefix)).sort()).toEqual(
        [keys.subnet(again.subnets), stolen].map((key) => key.slice(keys.subnetPrefix.length)).sort(),
      );
      expect(await world.names(keys.claimPrefix)).toHaveLength(1);
      again.stop();
      await Promise.all([again.ownership.revoke(), again.liveness.revoke(), world.remove(stolen)]);
      await runOut(process);
      expect(await stateOf(world.store)).toEqual(before);
      if (!isDead) break;
    }
    expect(killed).toBe(18);
  });
});

onEtcd((world) => {
  it('200 agents that are killed at random calls of joining, half of them started again, share no subnet', async () => {
    await world.configure({
      ipv4: { network: '10.10.0.0/22', subnetLen: 30 },
      ipv6: { network: 'fd00:10::/56' },
    });
    const before = await stateOf(world.store);
    const [random] = fc.sample(
      fc.array(fc.record({ call: fc.nat({ max: CALLS - 1 }), when: fc.constantFrom('before', 'after') }), {
        minLength: 200,
        maxLength: 200,
      }),
      1,
    );
    const living = [];
    for (let n = 0; n < 200; n += AT_ONCE) {
      const wave = random?.slice(n, n + AT_ONCE) ?? [];
      living.push(...(await Promise.all(wave.map((death, i) => liveOrDie(world, n + i, death)))));
    }
    const members = living.filter((member) => member !== undefined);
    expect(members).toHaveLength(100);
    expectDistinct(members, { ipv4: members.length, ipv6: members.length });

    // What the dead have left runs out by itself, and only that.
    const names = subnetsOf(members, 'ipv4').map((subnet) => subnet.replace('/', '-'));
    await vi.waitFor(async () => {
      const leases = (await world.names(keys.subnetPrefix)).map((name) => name.split('&')[0]);
      expect(leases.sort()).toEqual(names.toSorted());
    }, patient);
    expect(await world.names(keys.claimPrefix)).toHaveLength(2 * members.length);
    expect(await world.names(keys.nodePrefix)).toHaveLength(members.length);
    for (const member of members) {
      member.stop();
      await Promise.all([member.ownership.revoke(), member.liveness.revoke()]);
    }
    await vi.waitFor(async () => expect(await stateOf(world.store)).toEqual(before), patient);
  });
});

/** How many calls a host makes to join. */
async function joinCalls(world: LeaseWorld): Promise<number> {
  const process = mortalStore(world.store, undefined);
  const member = await joinCluster(process.store, host(1, { random: () => 0.5 }));
  const calls = process.calls();
  member.stop();
  await runOut(process);
  return calls;
}

/** Hosts with an even number are started again. */
async function liveOrDie(world: LeaseWorld, n: number, death: Death) {
  const process = mortalStore(world.store, death);
  const input = host(n, { ownershipSeconds: 5, aliveSeconds: 5 }, both);
  const joining = joinCluster(process.store, input);
  if (!(await dies(process, joining))) {
    const member = await joining;
    onTestFinished(() => member.stop());
    return member;
  }
  return n % 2 === 0 ? world.join({ ...input, instance: 'second' }) : undefined;
}
