import { openEtcdStore } from '@causeway/shared/store/etcd';
import type { PrefixState, Store } from '@causeway/shared/store/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { fakeStore } from '../support/fake-store.ts';

let etcd: TestEtcd;
const opened = new Map<string, Store>();

beforeAll(async () => {
  etcd = await startEtcd();
  opened.set('a real etcd', openEtcdStore({ endpoints: [etcd.endpoint] }));
  opened.set('the fake', fakeStore());
});

afterAll(async () => {
  for (const one of opened.values()) one.close();
  await etcd?.stop();
});

describe.each(['a real etcd', 'the fake'])('%s', (name) => {
  let store: Store;
  beforeAll(() => {
    const found = opened.get(name);
    if (found === undefined) throw new Error(`no store ${name}`);
    store = found;
  });

  describe('keys', () => {
    it('answers undefined for a key that is not there', async () => {
      expect(await store.get('/t/none')).toBeUndefined();
    });

    it('reads back what was written, with its revisions', async () => {
      const { ok, revision } = await store.transaction([], [{ put: '/t/a', value: 'eins ü' }]);
      expect(ok).toBe(true);
      expect(await store.get('/t/a')).toEqual({
        key: '/t/a',
        value: 'eins ü',
        modRevision: revision,
        createRevision: revision,
        leaseId: '0',
      });
    });

    it('lists a prefix and none of its neighbours', async () => {
      await store.transaction(
        [],
        ['/t/p/1', '/t/p/2', '/t/p0', '/t/p'].map((put) => ({ put, value: 'x' })),
      );
      const { items } = await store.list('/t/p/');
      expect(items.map((item) => item.key)).toEqual(['/t/p/1', '/t/p/2']);
    });

    it('lists thousands of keys as they were at one revision, whatever is written meanwhile', async () => {
      const all = Array.from({ length: 4_500 }, (_, i) => `/t/many/${String(i).padStart(4, '0')}`);
      for (let i = 0; i < all.length; i += 100)
        await store.transaction(
          [],
          all.slice(i, i + 100).map((put) => ({ put, value: 'before' })),
        );
      let done = false;
      const writing = (async () => {
        for (let i = 0; !done; i++)
          await store.transaction([], [{ put: all.at(-1 - (i % 100)) ?? '', value: 'after' }]);
      })();
      for (let times = 0; times < 5; times++) {
        const { items, revision } = await store.list('/t/many/');
        expect(items.map((item) => item.key)).toEqual(all);
        expect(items.filter((item) => item.modRevision > revision)).toEqual([]);
        const written = items.filter((item) => item.value === 'after').map((item) => item.modRevision);
        if (written.length > 0) expect(Math.max(...written)).toBe(revision);
      }
      done = true;
      await writing;
    });
  });

  describe('a transaction', () => {
    it('writes all in one revision when every guard holds', async () => {
      await store.transaction([], [{ put: '/t/g/old', value: 'v' }]);
      const old = await store.get('/t/g/old');
      const { ok, revision } = await store.transaction(
        [
          { key: '/t/g/new', absent: true },
          { key: '/t/g/old', present: true },
          { key: '/t/g/old', value: 'v' },
          { key: '/t/g/old', modRevision: old?.modRevision ?? 0 },
        ],
        [{ put: '/t/g/new', value: 'n' }, { delete: '/t/g/old' }],
      );
      expect(ok).toBe(true);
      expect((await store.get('/t/g/new'))?.modRevision).toBe(revision);
      expect(await store.get('/t/g/old')).toBeUndefined();
    });

    it.each([
      ['absent', { key: '/t/h', absent: true }],
      ['present', { key: '/t/h/none', present: true }],
      ['another value', { key: '/t/h', value: 'other' }],
      ['another revision', { key: '/t/h', modRevision: 1 }],
    ] as const)('writes nothing when a guard does not hold: %s', async (_name, guard) => {
      await store.transaction([], [{ put: '/t/h', value: 'v' }]);
      expect((await store.transaction([guard], [{ put: '/t/h', value: 'lost' }])).ok).toBe(false);
      expect((await store.get('/t/h'))?.value).toBe('v');
    });
  });

  describe('a watch', () => {
    it('delivers the prefix whole, then every revision with all its changes together', async () => {
      await store.transaction([], [{ put: '/w/a/1', value: '1' }]);
      const states: PrefixState[] = [];
      let arrived = () => {};
      const next = () => new Promise<void>((resolve) => (arrived = resolve));
      const connected: boolean[] = [];
      const first = next();
      const whole = new Promise<void>((resolve) => {
        const watch = store.watchPrefix('/w/a/', {
          onState: (state) => {
            states.push(state);
            arrived();
          },
          onConnection: (up) => {
            connected.push(up);
            resolve();
          },
        });
        cleanUp.push(() => watch.close());
      });
      await Promise.all([first, whole]);
      expect(states[0]?.changed).toBeUndefined();
      expect([...(states[0]?.items.keys() ?? [])]).toEqual(['/w/a/1']);
      expect(connected).toEqual([true]);

      const second = next();
      const { revision } = await store.transaction(
        [],
        [{ put: '/w/a/2', value: '2' }, { delete: '/w/a/1' }, { put: '/w/b', value: 'not ours' }],
      );
      await second;
      expect(states).toHaveLength(2);
      expect(states[1]?.revision).toBe(revision);
      expect([...(states[1]?.changed ?? [])].sort()).toEqual(['/w/a/1', '/w/a/2']);
      expect([...(states[1]?.items.keys() ?? [])]).toEqual(['/w/a/2']);
      // What was delivered before is not changed afterwards.
      expect([...(states[0]?.items.keys() ?? [])]).toEqual(['/w/a/1']);
    });

    it('delivers nothing after close', async () => {
      let count = 0;
      const watch = await new Promise<{ close(): void }>((resolve) => {
        const opened = store.watchPrefix('/w/c/', {
          onState: () => count++,
          onConnection: () => resolve(opened),
        });
      });
      watch.close();
      const seen = count;
      await store.transaction([], [{ put: '/w/c/1', value: '1' }]);
      await store.list('/w/c/');
      expect(count).toBe(seen);
    });
  });

  describe('the time to live of a lease', () => {
    it('is what was granted, less what has gone by since', async () => {
      const lease = await store.grantLease(30);
      const left = await store.timeToLive(lease.id);
      expect(left?.granted).toBe(30);
      expect(left?.ttl).toBeGreaterThan(20);
      expect(left?.ttl).toBeLessThanOrEqual(30);
      await lease.revoke();
      expect(await store.timeToLive(lease.id)).toBeUndefined();
    });

    it('is over when the lease is, and nothing is written on it', async () => {
      const lease = await store.grantLease(30);
      await lease.revoke();
      const late = store.transaction([], [{ put: '/t/late', value: '', lease }]);
      await expect(late).rejects.toMatchObject({ code: 'not-found' });
      expect(await store.get('/t/late')).toBeUndefined();
    });

    it('is unknown of a lease that never was', async () => {
      expect(await store.timeToLive('7587850012345678901')).toBeUndefined();
    });

    it("is told by the key's lease", async () => {
      const lease = await store.grantLease(60);
      await store.transaction([], [{ put: '/t/leased', value: '', lease }]);
      const { leaseId = '' } = (await store.get('/t/leased')) ?? {};
      expect((await store.timeToLive(leaseId))?.granted).toBe(60);
      await lease.revoke();
      expect(await store.get('/t/leased')).toBeUndefined();
    });
  });
});

const cleanUp: (() => void)[] = [];
afterAll(() => {
  for (const undo of cleanUp) undo();
});
