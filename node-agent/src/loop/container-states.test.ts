import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type FakeStore, fakeStore } from '../../../test/support/fake-store.ts';
import { createStateWriter, type Said, type StateWriter } from './container-states.ts';

let store: FakeStore;
let writer: StateWriter;

beforeEach(() => {
  vi.useFakeTimers();
  store = fakeStore();
  writer = createStateWriter(store, 'host-1');
});
afterEach(() => {
  vi.useRealTimers();
});

const specOf = (name: string): ContainerSpec => ({ name, host: 'host-1', command: ['httpd'], files: {} });
const said = (name: string, state: ContainerStatus['state'] = 'running'): Said => ({
  spec: specOf(name),
  state: { name, host: 'host-1', state },
});
/** Defined in etcd, as the host knows them. */
const define = (...names: string[]) => {
  for (const name of names) store.put(keys.container(name), specOf(name));
};
const settle = async (...all: Said[]) => {
  const settled = writer.settle(all, () => false);
  await vi.advanceTimersByTimeAsync(100);
  return settled;
};
const inEtcd = () =>
  Object.entries(store.dump()).flatMap(([key, value]) =>
    key.startsWith(keys.containerStatusPrefix)
      ? [`${key.slice(keys.containerStatusPrefix.length)} ${JSON.parse(value).state}`]
      : [],
  );

it('writes what is said at once, and what is said meanwhile together, each container as it is then', async () => {
  const names = Array.from({ length: 30 }, (_, i) => `web-${i}`);
  define(...names);
  const before = store.written;
  writer.say(said('web-0', 'starting'));
  await vi.advanceTimersByTimeAsync(50);
  expect(inEtcd()).toEqual(['web-0 starting']);
  for (const name of names) writer.say(said(name, 'starting'));
  for (const name of names) writer.say(said(name));
  await vi.advanceTimersByTimeAsync(200);
  expect(inEtcd().sort()).toEqual(names.map((name) => `${name} running`).sort());
  expect(store.written - before).toBe(2);
});

it('settles in as many writes as etcd needs, and in none when all is there already', async () => {
  const all = Array.from({ length: 250 }, (_, i) => `web-${i}`);
  define(...all);
  const before = store.written;
  expect(await settle(...all.map((name) => said(name)))).toBe(true);
  expect(inEtcd().length).toBe(250);
  expect(store.written - before).toBe(3);
  expect(await settle(...all.map((name) => said(name)))).toBe(true);
  expect(store.written - before).toBe(3);
  expect(await settle()).toBe(true);
  expect(inEtcd()).toEqual([]);
  expect(store.written - before).toBe(6);
});

it('deletes nothing that is here still, and nothing that somebody else has written', async () => {
  define('web', 'moved', 'gone');
  await settle(said('web'), said('moved'), said('gone'));
  store.put(keys.containerStatus('moved'), { name: 'moved', host: 'host-2', state: 'failed' });
  const settled = writer.settle([], (name) => name === 'web');
  await vi.advanceTimersByTimeAsync(100);
  expect(await settled).toBe(true);
  expect(inEtcd().sort()).toEqual(['moved failed', 'web running']);
});

it('does not say of a new definition that it runs when it is an earlier one', async () => {
  define('web', 'side');
  await settle(said('web', 'failed'), said('side', 'failed'));
  store.put(keys.container('web'), { ...specOf('web'), command: ['nginx'] });
  expect(await settle(said('web'), said('side'))).toBe(false);
  expect(inEtcd().sort()).toEqual(['side running', 'web failed']);
  store.put(keys.container('web'), { ...specOf('web'), generation: 1 });
  expect(await settle(said('web'), said('side'))).toBe(false);
  // Labels are followed while it runs.
  store.put(keys.container('web'), { ...specOf('web'), labels: { app: 'web' } });
  expect(await settle(said('web'), said('side'))).toBe(true);
});

it('writes all others although a definition has changed between the look at it and the write', async () => {
  define('web', 'side', 'db');
  let times = 0;
  store.beforeTransaction(async () => {
    times += 1;
    if (times === 1) store.put(keys.container('side'), { ...specOf('side'), command: ['nginx'] });
  });
  expect(await settle(said('web'), said('side'), said('db'))).toBe(false);
  expect(inEtcd().sort()).toEqual(['db running', 'web running']);
});

it('looks again what etcd has after a write of which nobody knows whether it was done', async () => {
  define('web');
  await settle(said('web', 'starting'));
  // Written, and the answer is lost.
  store.beforeTransaction(async () => {
    store.put(keys.containerStatus('web'), { name: 'web', host: 'host-1', state: 'failed' });
    throw new Error('no answer');
  });
  await expect(settle(said('web', 'failed'))).rejects.toThrow('no answer');
  store.beforeTransaction(undefined);
  expect(await settle(said('web', 'starting'))).toBe(true);
  expect(inEtcd()).toEqual(['web starting']);
});

it('leaves what it could not write to the next settling, and drops it when it is stopped', async () => {
  define('web', 'side');
  store.fail('away');
  writer.say(said('web'));
  await vi.advanceTimersByTimeAsync(1_000);
  store.recover();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(inEtcd()).toEqual([]);
  expect(await settle(said('web'))).toBe(true);
  expect(inEtcd()).toEqual(['web running']);
  writer.say(said('side'));
  await writer.stop();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(inEtcd()).toEqual(['web running']);
});
