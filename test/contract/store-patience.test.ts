import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { type FaultyProxy, startProxy } from '../support/proxy.ts';
import { follow, openStore, patient, type WhenFinished } from '../support/store.ts';

let etcd: TestEtcd;

/** Nothing here disturbs etcd itself, so that the tests can wait side by side. */
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd?.stop());

async function openProxy(finished: WhenFinished): Promise<FaultyProxy> {
  const proxy = await startProxy(etcd.endpoint);
  finished(() => proxy.close());
  return proxy;
}

describe.concurrent('a watch', () => {
  it('notices that packets get lost without a word, and comes back', async ({ onTestFinished }) => {
    const proxy = await openProxy(onTestFinished);
    const followed = follow(openStore(proxy.endpoint, {}, onTestFinished), '/f/d/', onTestFinished);
    await followed.isConnected();
    proxy.stall();
    await openStore(etcd.endpoint, {}, onTestFinished).transaction([], [{ put: '/f/d/1', value: '1' }]);
    await followed.isBroken();
    proxy.heal();
    await followed.holds({ '/f/d/1': '1' });
    await followed.isConnected();
  });
});

describe.concurrent('a lease', () => {
  it('is kept, with its keys, for longer than its time to live', async ({ onTestFinished }) => {
    const store = openStore(etcd.endpoint, {}, onTestFinished);
    const lease = await store.grantLease(5);
    await store.transaction([], [{ put: '/l/kept', value: '', lease }]);
    const granted = performance.now();
    await vi.waitFor(() => expect(performance.now() - granted).toBeGreaterThan(6_000), patient);
    expect(lease.remainingMs()).toBeGreaterThan(0);
    expect((await store.get('/l/kept'))?.leaseId).toBe(lease.id);
    await lease.revoke();
    expect(await store.get('/l/kept')).toBeUndefined();
    expect(lease.remainingMs()).toBeLessThanOrEqual(0);
  });

  it('is lost by our own clock, no later than it could run out in etcd', async ({ onTestFinished }) => {
    const proxy = await openProxy(onTestFinished);
    const lease = await openStore(proxy.endpoint, {}, onTestFinished).grantLease(3);
    const lost = new Promise<string>((resolve) => lease.onLost(resolve));
    proxy.stall();
    // A timer of the same process: were it late, so would be the lease's own.
    const late = sleep(lease.remainingMs() + 300, 'late');
    expect(await Promise.race([lost, late])).toContain('the lease ran out after 3 s without renewal');
    expect(lease.remainingMs()).toBeLessThanOrEqual(0);
    // Whoever asks later is told too.
    expect(await new Promise<string>((resolve) => lease.onLost(resolve))).toContain('ran out');
  });

  it('that somebody revoked is reported at the next renewal', async ({ onTestFinished }) => {
    const lease = await openStore(etcd.endpoint, {}, onTestFinished).grantLease(3);
    const lost = new Promise<string>((resolve) => lease.onLost(resolve));
    await fetch(`${etcd.endpoint}/v3/lease/revoke`, {
      method: 'POST',
      body: JSON.stringify({ ID: lease.id }),
    });
    expect(await lost).toContain('expired or was revoked');
  });
});
