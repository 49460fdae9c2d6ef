import { CausewayError } from '@causeway/shared/errors';
import type { LeaseHandle, Store } from '@causeway/shared/store/store';
import { expect, it } from 'vitest';
import { type FakeStore, fakeStore } from '../../../test/support/fake-store.ts';
import { listening } from './last-word.ts';

let now = 0;

/** A store, the clock at 1 s, and nothing heard yet. */
function listen(inner: Store = fakeStore()) {
  now = 1_000;
  return listening(inner, () => now);
}

it('is as old as the last answer, whatever was asked', async () => {
  const { store, lastWord } = listen();
  expect(lastWord.ageMs()).toBeUndefined();
  const calls = [
    () => store.get('/a'),
    () => store.list('/'),
    () => store.transaction([], [{ put: '/a', value: 'b' }]),
    () => store.ping(),
  ];
  for (const call of calls) {
    await call();
    expect(lastWord.ageMs()).toBe(0);
    now += 500;
    expect(lastWord.ageMs()).toBe(500);
  }
});

it('is as old as the last delivery of a watch', async () => {
  const inner = fakeStore();
  const { store, lastWord } = listen(inner);
  const states: number[] = [];
  await new Promise<void>((resolve) => {
    store.watchPrefix('/', {
      onState: ({ revision }) => {
        states.push(revision);
        resolve();
      },
    });
  });
  expect(lastWord.ageMs()).toBe(0);
  now += 2_000;
  inner.put('/a', 'b');
  await new Promise((resolve) => setImmediate(resolve));
  expect([lastWord.ageMs(), states.length]).toEqual([0, 2]);
});

it('is as old as the last renewal of a lease, also when etcd granted a longer one', async () => {
  let left = 12_000;
  const lease: LeaseHandle = {
    ...{ id: '1', remainingMs: () => left, release: () => undefined, revoke: async () => undefined },
    onLost: () => undefined,
  };
  const { store, lastWord } = listen({ ...fakeStore(), grantLease: async () => lease });
  await store.grantLease(10);
  [now, left] = [now + 3_000, 9_000];
  expect(lastWord.ageMs()).toBe(3_000);
  [now, left] = [now + 1_000, 11_900];
  expect(lastWord.ageMs()).toBe(100);
});

it('keeps the reason of a failure until something succeeds', async () => {
  const inner: FakeStore = fakeStore();
  const { store, lastWord } = listen(inner);
  await store.ping();
  inner.fail('gone');
  now += 4_000;
  await expect(store.get('/a')).rejects.toThrow(CausewayError);
  expect([lastWord.ageMs(), lastWord.reason()]).toEqual([4_000, 'asking etcd: gone']);
  inner.recover();
  await store.ping();
  expect([lastWord.ageMs(), lastWord.reason()]).toEqual([0, undefined]);
});
