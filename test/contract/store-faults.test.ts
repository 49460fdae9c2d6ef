import { openEtcdStore } from '@causeway/shared/store/etcd';
import type { PrefixState, Store } from '@causeway/shared/store/store';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { freePorts, startEtcd, type TestEtcd } from '../support/etcd.ts';
import { startProxy } from '../support/proxy.ts';

let etcd: TestEtcd;
let undo: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd?.stop());
beforeEach(() => {
  undo = [];
});
afterEach(async () => {
  for (const one of undo.reverse()) await one();
});

function open(...endpoints: string[]): Store {
  const store = openEtcdStore({ endpoints, callTimeoutMs: 2_000, retryMaxMs: 500 });
  undo.push(() => store.close());
  return store;
}

const patient = { timeout: 20_000, interval: 10 };

/** Watches a prefix and keeps what it was told. */
function follow(store: Store, prefix: string) {
  const seen = { states: [] as PrefixState[], connections: [] as boolean[] };
  const watch = store.watchPrefix(prefix, {
    onState: (state) => seen.states.push(state),
    onConnection: (connected) => seen.connections.push(connected),
  });
  undo.push(() => watch.close());
  const values = () =>
    Object.fromEntries([...(seen.states.at(-1)?.items ?? [])].map(([k, kv]) => [k, kv.value]));
  return {
    ...seen,
    values,
    isConnected: () => vi.waitFor(() => expect(seen.connections.at(-1)).toBe(true), patient),
    isBroken: () => vi.waitFor(() => expect(seen.connections.at(-1)).toBe(false), patient),
    holds: (expected: Record<string, string>) =>
      vi.waitFor(() => expect(values()).toEqual(expected), patient),
  };
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
    const store = open(etcd.endpoint);
    await store.transaction([], [{ put: '/f/a/old', value: '1' }]);
    const followed = follow(store, '/f/a/');
    await followed.isConnected();
    await etcd.kill();
    await followed.isBroken();
    await etcd.restart();
    // Another client writes before the watch is back.
    const other = open(etcd.endpoint);
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
    const proxy = await startProxy(etcd.endpoint);
    undo.push(() => proxy.close());
    const followed = follow(open(proxy.endpoint), '/f/b/');
    await followed.isConnected();
    const writer = open(etcd.endpoint);
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
    const proxy = await startProxy(etcd.endpoint);
    undo.push(() => proxy.close());
    const writer = open(etcd.endpoint);
    await writer.transaction([], [{ put: '/f/c/1', value: 'old' }]);
    const followed = follow(open(proxy.endpoint), '/f/c/');
    await followed.isConnected();
    proxy.cut();
    await followed.isBroken();
    await writer.transaction(
      [],
      [
        { put: '/f/c/1', value: 'new' },
        { put: '/f/c/2', value: '2' },
      ],
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

  it('when packets get lost without a word: it notices, and comes back', async () => {
    const proxy = await startProxy(etcd.endpoint);
    undo.push(() => proxy.close());
    const followed = follow(open(proxy.endpoint), '/f/d/');
    await followed.isConnected();
    proxy.stall();
    await open(etcd.endpoint).transaction([], [{ put: '/f/d/1', value: '1' }]);
    await followed.isBroken();
    proxy.heal();
    await followed.holds({ '/f/d/1': '1' });
    await followed.isConnected();
  });

  it('when it is listed again now and then, and stays connected', async () => {
    const store = openEtcdStore({ endpoints: [etcd.endpoint], relistMs: 50 });
    undo.push(() => store.close());
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
    undo.push(() => late.stop());
    await late.kill();
    const store = open(late.endpoint);
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
    undo.push(() => frozen.stop());
    const store = openEtcdStore({ endpoints: [frozen.endpoint], callTimeoutMs: 300 });
    undo.push(() => store.close());
    await store.ping();
    frozen.freeze();
    const before = performance.now();
    await expect(store.get('/x')).rejects.toMatchObject({ code: 'timeout' });
    await expect(store.ping()).rejects.toMatchObject({ code: 'unreachable' });
    expect(performance.now() - before).toBeLessThan(2_000);
    frozen.thaw();
    await vi.waitFor(() => store.ping(), patient);
  });

  it('one member that is down hides no other', async () => {
    const [dead] = await freePorts(1);
    const store = open(`http://127.0.0.1:${dead}`, etcd.endpoint);
    for (let i = 0; i < 20; i++) await store.ping();
    const followed = follow(store, '/h/');
    await followed.isConnected();
  });

  it('a store that was closed says so', async () => {
    const store = open(etcd.endpoint);
    store.close();
    store.close();
    await expect(store.get('/x')).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('a lease', () => {
  it('is kept, with its keys, for longer than its time to live', async () => {
    const store = open(etcd.endpoint);
    const lease = await store.grantLease(2);
    await store.transaction([], [{ put: '/l/kept', value: '', lease }]);
    const granted = performance.now();
    await vi.waitFor(() => expect(performance.now() - granted).toBeGreaterThan(4_000), patient);
    expect(lease.remainingMs()).toBeGreaterThan(0);
    expect((await store.get('/l/kept'))?.leaseId).toBe(lease.id);
    await lease.revoke();
    expect(await store.get('/l/kept')).toBeUndefined();
    expect(lease.remainingMs()).toBeLessThanOrEqual(0);
  });

  it('is lost by our own clock, no later than it could run out in etcd', async () => {
    const proxy = await startProxy(etcd.endpoint);
    undo.push(() => proxy.close());
    const lease = await open(proxy.endpoint).grantLease(3);
    const lost = new Promise<string>((resolve) => lease.onLost(resolve));
    proxy.stall();
    const left = lease.remainingMs();
    const before = performance.now();
    expect(await lost).toContain('the lease ran out after 3 s without renewal');
    expect(performance.now() - before).toBeLessThan(left + 300);
    expect(lease.remainingMs()).toBeLessThanOrEqual(0);
    // Whoever asks later is told too.
    expect(await new Promise<string>((resolve) => lease.onLost(resolve))).toContain('ran out');
  });

  it('that somebody revoked is reported at the next renewal', async () => {
    const lease = await open(etcd.endpoint).grantLease(3);
    const lost = new Promise<string>((resolve) => lease.onLost(resolve));
    await fetch(`${etcd.endpoint}/v3/lease/revoke`, {
      method: 'POST',
      body: JSON.stringify({ ID: lease.id }),
    });
    expect(await lost).toContain('expired or was revoked');
  });

  it('survives a restart of etcd that is shorter than its time to live', async () => {
    const store = open(etcd.endpoint);
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
