import { openEtcdStore } from '@causeway/shared/store/etcd';
import type { Guard, PrefixState, Store, Write } from '@causeway/shared/store/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { fakeStore } from '../support/fake-store.ts';

/** The fake that the controller's unit tests stand on, and the real thing: the same cases for both. */
let etcd: TestEtcd;
const stores = new Map<string, Store>();

beforeAll(async () => {
  etcd = await startEtcd();
  stores.set('etcd', openEtcdStore({ endpoints: [etcd.endpoint] }));
  stores.set('the fake', fakeStore());
});

afterAll(async () => {
  for (const store of stores.values()) store.close();
  await etcd?.stop();
});

describe.each(['etcd', 'the fake'])('%s', (which) => {
  const store = () => {
    const found = stores.get(which);
    if (found === undefined) throw new Error(`${which} did not start`);
    return found;
  };
  const write = (writes: readonly Write[], guards: readonly Guard[] = []) =>
    store().transaction(guards, writes);

  it('gives every key of a transaction its revision, and keeps the first', async () => {
    const first = await write([{ put: '/a/1', value: 'x' }]);
    const second = await write([
      { put: '/a/1', value: 'y' },
      { put: '/a/2', value: 'z' },
    ]);
    expect(second.revision).toBe(first.revision + 1);
    expect(await store().get('/a/1')).toEqual({
      key: '/a/1',
      value: 'y',
      modRevision: second.revision,
      createRevision: first.revision,
      leaseId: '0',
    });
    const { items, revision } = await store().list('/a/');
    expect(items.map((item) => item.key)).toEqual(['/a/1', '/a/2']);
    expect(revision).toBe(second.revision);
  });

  it('takes no revision for what changes nothing', async () => {
    const { revision } = await write([{ put: '/b', value: 'x' }]);
    expect(await write([{ delete: '/b/none' }])).toEqual({ ok: true, revision });
    expect(await write([{ put: '/b', value: 'y' }], [{ key: '/b', absent: true }])).toEqual({
      ok: false,
      revision,
    });
  });

  it.each<[string, Guard, boolean]>([
    ['absent, and it is', { key: '/c/none', absent: true }, true],
    ['absent, and it is not', { key: '/c/is', absent: true }, false],
    ['present, and it is', { key: '/c/is', present: true }, true],
    ['present, and it is not', { key: '/c/none', present: true }, false],
    ['a value that it has', { key: '/c/is', value: 'x' }, true],
    ['a value that it has not', { key: '/c/is', value: 'y' }, false],
    ['a value of nothing', { key: '/c/none', value: 'x' }, false],
    ['a revision that it has not', { key: '/c/is', modRevision: 1 }, false],
    ['a revision of nothing', { key: '/c/none', modRevision: 5 }, false],
  ])('guards: %s', async (_what, guard, ok) => {
    await write([{ put: '/c/is', value: 'x' }]);
    expect((await write([{ put: '/c/other', value: 'z' }], [guard])).ok).toBe(ok);
  });

  it('counts a key that was removed and made again as new', async () => {
    await write([{ put: '/d', value: 'x' }]);
    await write([{ delete: '/d' }]);
    const { revision } = await write([{ put: '/d', value: 'x' }], [{ key: '/d', absent: true }]);
    expect(await store().get('/d')).toMatchObject({ createRevision: revision, modRevision: revision });
  });

  it('delivers a prefix whole, and then what changes, a transaction at once', async () => {
    await write([
      { put: '/e/1', value: 'x' },
      { put: '/e2', value: 'not in it' },
    ]);
    const states: PrefixState[] = [];
    let wake = () => {};
    const connected: boolean[] = [];
    const watch = store().watchPrefix('/e/', {
      onState: (state) => {
        states.push(state);
        wake();
      },
      onConnection: (isUp) => {
        connected.push(isUp);
        wake();
      },
    });
    const until = async (holds: () => boolean) => {
      while (!holds()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    await until(() => connected.length > 0);
    const { revision } = await write([
      { put: '/e/2', value: 'y' },
      { delete: '/e/1' },
      { put: '/e2', value: 'z' },
    ]);
    await until(() => states.length > 1);
    watch.close();
    expect(connected).toEqual([true]);
    expect(states).toHaveLength(2);
    expect(states[0]?.changed).toBeUndefined();
    expect([...(states[0]?.items.keys() ?? [])]).toEqual(['/e/1']);
    expect([...(states[1]?.changed ?? [])].sort()).toEqual(['/e/1', '/e/2']);
    expect(states[1]?.revision).toBe(revision);
    expect([...(states[1]?.items.keys() ?? [])]).toEqual(['/e/2']);
  });
});
