import { EVENT_SLOTS, type NodeEvent } from '@causeway/shared/model/event';
import { keys } from '@causeway/shared/store/keys';
import type { LeaseHandle, Store } from '@causeway/shared/store/store';
import { beforeEach, expect, it, vi } from 'vitest';
import { type FakeStore, fakeStore } from '../../../test/support/fake-store.ts';
import { createEventLog } from './events.ts';

let store: FakeStore;
let lease: LeaseHandle;
beforeEach(async () => {
  store = fakeStore();
  lease = await store.grantLease(60);
});

const log = (ownership: () => LeaseHandle | undefined = () => lease) =>
  createEventLog(store, ownership, 'host-1');

async function written(): Promise<NodeEvent[]> {
  const { items } = await store.list(`${keys.eventPrefix}host-1/`);
  return items
    .map((kv) => JSON.parse(kv.value))
    .sort((a: NodeEvent, b: NodeEvent) => a.sequence - b.sequence);
}
const messages = async () => (await written()).map(({ message }) => message);
const holds = (expected: readonly string[]) =>
  vi.waitFor(async () => expect(await messages()).toEqual(expected), 5_000);

it('writes an event in its slot, on the lease of ownership, with its number and time', async () => {
  log().add('joined', 'info', 'joined with 10.10.1.0/24');
  await holds(['joined with 10.10.1.0/24']);
  const kv = await store.get(keys.event('host-1', 0));
  expect(kv?.leaseId).toBe(lease.id);
  expect(JSON.parse(kv?.value ?? '')).toEqual({
    ...{ node: 'host-1', sequence: 0, kind: 'joined', severity: 'info' },
    ...{ message: 'joined with 10.10.1.0/24', at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) },
  });
});

it('goes round in its ring, and continues where an earlier life ended', async () => {
  const first = log();
  for (let n = 0; n < EVENT_SLOTS + 3; n++) first.add('restored', 'info', `event ${n}`);
  await first.stop();
  expect((await messages()).slice(-1)).toEqual([`event ${EVENT_SLOTS + 2}`]);
  expect(await messages()).toHaveLength(EVENT_SLOTS);
  const before = (await written()).at(-1)?.sequence ?? -1;
  log().add('joined', 'info', 'another life');
  await vi.waitFor(
    async () =>
      expect((await written()).at(-1)).toMatchObject({ sequence: before + 1, message: 'another life' }),
    { timeout: 20_000 },
  );
  expect(await messages()).toHaveLength(EVENT_SLOTS);
});

it('waits until the host has joined', async () => {
  let joined: LeaseHandle | undefined;
  const events = log(() => joined);
  events.add('waiting', 'warning', 'a');
  events.add('joined', 'info', 'b');
  await store.ping();
  expect(await messages()).toEqual([]);
  joined = lease;
  events.again();
  await holds(['a', 'b']);
});

it('keeps what etcd does not take while it is away', async () => {
  const events = log();
  store.fail('etcd is away');
  events.add('fenced', 'warning', 'a');
  events.add('moved', 'warning', 'b');
  await new Promise((resolve) => setImmediate(resolve));
  store.recover();
  events.again();
  await holds(['a', 'b']);
});

it('writes its events again on another lease of ownership, under the same numbers', async () => {
  const events = log();
  events.add('joined', 'info', 'a');
  events.add('restored', 'info', 'b');
  await holds(['a', 'b']);
  const before = await written();
  await lease.revoke();
  expect(await messages()).toEqual([]);
  lease = await store.grantLease(60);
  events.again();
  await holds(['a', 'b']);
  expect(await written()).toEqual(before);
});

it('writes a full ring again on another lease, though a number was given up', async () => {
  // etcd takes a key once in a transaction.
  const strict: Store = {
    ...store,
    transaction: async (guards, writes) => {
      const written = writes.map((write) => ('put' in write ? write.put : write.delete));
      if (new Set(written).size < written.length) throw new Error('duplicate key given in txn request');
      return store.transaction(guards, writes);
    },
  };
  const events = createEventLog(strict, () => lease, 'host-1');
  for (let n = 0; n < EVENT_SLOTS; n++) events.add('restored', 'info', `event ${n}`);
  await vi.waitFor(async () => expect(await written()).toHaveLength(EVENT_SLOTS), 5_000);
  await lease.revoke();
  lease = await store.grantLease(60);
  events.add('restored', 'info', 'the newest');
  await vi.waitFor(async () => expect((await messages()).at(-1)).toBe('the newest'), 5_000);
  // One slot is that of the number that was given up.
  expect(await messages()).toHaveLength(EVENT_SLOTS - 1);
});

it('looks again where somebody else has written in its ring, and loses nothing', async () => {
  const events = log();
  events.add('joined', 'info', 'a');
  await holds(['a']);
  const [mine] = await written();
  store.put(keys.event('host-1', 1), { ...mine, sequence: 65, message: 'another’s' });
  events.add('restored', 'info', 'b');
  await holds(['a', 'another’s', 'b']);
  expect((await written()).map(({ sequence }) => sequence)).toEqual([0, 65, 66]);
});

it('stops without an etcd', async () => {
  const events = log();
  store.fail('etcd is away');
  events.add('joined', 'info', 'a');
  await events.stop();
  events.add('joined', 'info', 'late');
  expect(store.written).toBe(0);
});
