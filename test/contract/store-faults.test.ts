import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { freePorts, startEtcd, type TestEtcd } from '../support/etcd.ts';
import { type FaultyProxy, startProxy } from '../support/proxy.ts';
import { follow, openStore, patient } from '../support/store.ts';

let etcd: TestEtcd;

beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd?.stop());

async function openProxy(): Promise<FaultyProxy> {
  const proxy = await startProxy(etcd.endpoint);
  onTestFinished(() => proxy.close());
  return proxy;
}

async function compact(revision: number): Promise<void> {
  const reply = await fetch(`${etcd.endpoint}/v3/kv/compaction`, {
    method: 'POST',
    body: JSON.stringify({ revision: `${revision}`, physical: true }),
  });
  expect(reply.status).toBe(200);
}

describe('a watch misses nothing', () => {
  it('when etcd is killed and started again under it', async () => {
    const store = openStore(etcd.endpoint);
    await store.transaction([], [{ put: '/f/a/old', value: '1' }]);
    const followed = follow(store, '/f/a/');
    await followed.isConnected();
    await etcd.kill();
    await followed.isBroken();
    await etcd.restart();
    // Another client writes before the watch is back.
    const other = openStore(etcd.endpoint);
    const expected: Record<string, string> = {};
    await other.transaction([], [{ delete: '/f/a/old' }]);
    for (let i = 0; i < 50; i++) {
      expected[`/f/a/${i}`] = `${i}`;
      await other.transaction([], [{ put: `/f/a/${i}`, value: `${i}` }]);
    }
    await followed.holds(expected);
    await followed.isConnected();
    expect(followed.connections).toEqual([true, false, true]);
  });

  it('when the connection breaks again and again while somebody writes', async () => {
    const proxy = await openProxy();
    const followed = follow(openStore(proxy.endpoint), '/f/b/');
    await followed.isConnected();
    const writer = openStore(etcd.endpoint);
    const expected: Record<string, string> = {};
    for (let i = 0; i < 200; i++) {
      const key = `/f/b/${i % 20}`;
      if (i % 7 === 0) {
        delete expected[key];
        await writer.transaction([], [{ delete: key }]);
      } else {
        expected[key] = `${i}`;
        await writer.transaction([], [{ put: key, value: `${i}` }]);
      }
      if (i % 40 === 10) proxy.cut();
      if (i % 40 === 15) proxy.heal();
    }
    await followed.holds(expected);
    const revisions = followed.states.map((state) => state.revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  });

  it('when its revision is compacted while it is away', async () => {
    const proxy = await openProxy();
    const writer = openStore(etcd.endpoint);
    await writer.transaction(
      [],
      ['1', 'gone'].map((name) => ({ put: `/f/c/${name}`, value: 'old' })),
    );
    const followed = follow(openStore(proxy.endpoint), '/f/c/');
    await followed.isConnected();
    proxy.cut();
    await followed.isBroken();
    await writer.transaction(
      [],
      [{ put: '/f/c/1', value: 'new' }, { put: '/f/c/2', value: '2' }, { delete: '/f/c/gone' }],
    );
    const { revision } = await writer.transaction([], [{ delete: '/f/c/2' }]);
    await compact(revision);
    proxy.heal();
    await followed.holds({ '/f/c/1': 'new' });
    await followed.isConnected();
    // And the watch that follows the listing is a live one.
    await writer.transaction([], [{ put: '/f/c/3', value: '3' }]);
    await followed.holds({ '/f/c/1': 'new', '/f/c/3': '3' });
  });

  it('when it is listed again now and then, and stays connected', async () => {
    const store = openStore(etcd.endpoint, { relistMs: 50 });
    const followed = follow(store, '/f/e/');
    const expected: Record<string, string> = {};
    for (let i = 0; i < 100; i++) {
      expected[`/f/e/${i}`] = '';
      await store.transaction([], [{ put: `/f/e/${i}`, value: '' }]);
    }
    await followed.holds(expected);
    expect(followed.states.filter((state) => state.changed === undefined).length).toBeGreaterThan(1);
    expect(followed.connections).toEqual([true]);
  });
});

describe('without etcd', () => {
  it('calls reject as unreachable, and a watch begins when etcd comes up', async () => {
    const late = await startEtcd();
    onTestFinished(() => late.stop());
    await late.kill();
    const store = openStore(late.endpoint);
    const followed = follow(store, '/g/');
    await followed.isBroken();
    await expect(store.get('/g/1')).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(`reading /g/1 at etcd ${late.endpoint}: connect ECONNREFUSED`),
    });
    await expect(store.ping()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(store.grantLease(10)).rejects.toMatchObject({ code: 'unreachable' });
    await expect(store.transaction([], [{ delete: '/g/1' }])).rejects.toMatchObject({ code: 'unreachable' });
    await late.restart();
    await followed.isConnected();
    await store.transaction([], [{ put: '/g/1', value: '1' }]);
    await followed.holds({ '/g/1': '1' });
  });

  it('an etcd that hangs is a timeout, within the limit', async () => {
    const frozen = await startEtcd();
    onTestFinished(() => frozen.stop());
    const store = openStore(frozen.endpoint, { callTimeoutMs: 300 });
    await store.ping();
    await frozen.freeze();
    const before = performance.now();
    await expect(store.get('/x')).rejects.toMatchObject({ code: 'timeout' });
    await expect(store.ping()).rejects.toMatchObject({ code: 'unreachable' });
    // Less than the time that a call has where nobody says otherwise.
    expect(performance.now() - before).toBeLessThan(5_000);
    frozen.thaw();
    await vi.waitFor(() => store.ping(), patient);
  });

  it('one member that is down hides no other', async () => {
    const [dead] = await freePorts(1);
    const store = openStore([`http://127.0.0.1:${dead}`, etcd.endpoint]);
    for (let i = 0; i < 20; i++) await store.ping();
    const followed = follow(store, '/h/');
    await followed.isConnected();
  });

  it('a store that was closed says so', async () => {
    const store = openStore(etcd.endpoint);
    store.close();
    store.close();
    await expect(store.get('/x')).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('a lease', () => {
  it('survives a restart of etcd that is shorter than its time to live', async () => {
    const store = openStore(etcd.endpoint);
    const lease = await store.grantLease(10);
    const onLost = vi.fn();
    lease.onLost(onLost);
    await store.transaction([], [{ put: '/l/restart', value: '', lease }]);
    await etcd.kill();
    await etcd.restart();
    const left = lease.remainingMs();
    await vi.waitFor(() => expect(lease.remainingMs()).toBeGreaterThan(left), patient);
    expect((await store.get('/l/restart'))?.leaseId).toBe(lease.id);
    expect(onLost).not.toHaveBeenCalled();
  });
});
