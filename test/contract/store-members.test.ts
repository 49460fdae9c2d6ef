import type { LeaseHandle } from '@causeway/shared/store/store';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEtcdCluster, type TestEtcd } from '../support/etcd.ts';
import { follow, openStore, patient } from '../support/store.ts';

let members: readonly TestEtcd[] = [];

beforeAll(async () => {
  members = await startEtcdCluster(3);
});
afterAll(() => Promise.all(members.map((member) => member.stop())));

const endpoints = () => members.map((member) => member.endpoint);

/** Every watch that stands on this member now stands on another one, or was there already. */
async function writesArrive(store: ReturnType<typeof openStore>, prefix: string): Promise<void> {
  const followed = follow(store, prefix);
  await followed.isConnected();
  await vi.waitFor(() => store.transaction([], [{ put: `${prefix}arrived`, value: prefix }]), patient);
  await followed.holds({ [`${prefix}arrived`]: prefix });
}

/** Resolves when the lease was renewed so often, or is lost. */
async function renewals(lease: LeaseHandle, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    let before = lease.remainingMs();
    await vi.waitFor(() => {
      const left = lease.remainingMs();
      const isRenewed = left > before;
      before = left;
      expect(isRenewed || left <= 0).toBe(true);
    }, patient);
  }
}

describe('of three members', () => {
  it('any one may be killed: watches, leases and writes go on', async () => {
    for (const [i, member] of members.entries()) {
      const store = openStore(endpoints());
      const lease = await store.grantLease(30);
      const lost = vi.fn();
      lease.onLost(lost);
      // So many that some of them stand on the member that dies.
      const followed = Array.from({ length: 6 }, () => follow(store, `/m/${i}/`));
      for (const one of followed) await one.isConnected();
      await member.kill();
      // A write may meet the member in its last moment; what was written is what counts.
      await vi.waitFor(() => store.transaction([], [{ put: `/m/${i}/1`, value: 'x', lease }]), patient);
      for (const one of followed) await one.holds({ [`/m/${i}/1`]: 'x' });
      await vi.waitFor(() => store.ping(), patient);
      await member.restart();
      expect(lost).not.toHaveBeenCalled();
      await lease.revoke();
    }
  });

  it('one that answers nothing at all is asked once, and then left alone', async () => {
    const [frozen, ...others] = members;
    const store = openStore(endpoints(), { callTimeoutMs: 1_000 });
    await store.ping();
    await frozen?.freeze();
    try {
      // It may have been the leader.
      for (const { endpoint } of others) await vi.waitFor(() => openStore(endpoint).ping(), patient);
      // However often it is met first: with two others there, only the first meeting costs its time.
      const failures = await Promise.all(
        Array.from({ length: 30 }, () => store.get('/m/x').catch((error) => error)),
      );
      expect(failures.some((failure) => failure instanceof Error)).toBe(true);
      for (let i = 0; i < 30; i++) await store.get('/m/x');
      await writesArrive(store, '/m/frozen/');
    } finally {
      frozen?.thaw();
    }
  });

  it('one that answers nothing at all costs no host its lease', async () => {
    const stores = Array.from({ length: 20 }, () => openStore(endpoints()));
    const leases = await Promise.all(stores.map((store) => store.grantLease(6)));
    const lost = vi.fn();
    for (const lease of leases) lease.onLost(lost);
    await members[0]?.freeze();
    try {
      // Each renewal asks a member at random; three in a row that meet the silent one would be the end.
      await Promise.all(leases.map((lease) => renewals(lease, 5)));
      expect(lost).not.toHaveBeenCalled();
    } finally {
      members[0]?.thaw();
    }
  });

  it('one that has lost the others says so, and its watches move', async () => {
    const [alone, ...others] = members;
    if (alone === undefined) throw new Error('there is no member');
    const only = openStore([alone.endpoint], { callTimeoutMs: 1_000 });
    const followed = follow(only, '/m/alone/');
    await followed.isConnected();
    for (const member of others) await member.freeze();
    try {
      await followed.isBroken();
      await expect(only.ping()).rejects.toMatchObject({ code: 'unreachable' });
    } finally {
      for (const member of others) member.thaw();
    }
    await followed.isConnected();
    await writesArrive(openStore(endpoints()), '/m/together/');
  });
});
