import type { ContainerStatus } from '@causeway/shared/model/container';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type FakeStore, fakeStore } from '../../../test/support/fake-store.ts';
import type { ContainerRuntime, PassOptions, Reconciled } from '../containers/runtime.ts';
import { createLogger } from '../logger.ts';
import { createContainerKeeper } from './container-keeper.ts';

const SPEC = { name: 'web-1', host: 'host-1', command: ['true'], files: {} };
const NETWORK = {
  ...{ subnets: { ipv4: '10.10.1.0/24' }, gateways: { ipv4: '10.10.1.1' }, bridge: 'cwy0', mtu: 1500 },
};

let status: Omit<ContainerStatus, 'name' | 'host'>;
let looks: number;
let store: FakeStore;
let spared: readonly string[] | undefined;
/** What the runtime answers for once. */
let next: ((options: PassOptions) => Promise<Reconciled>) | undefined;

const runtime: ContainerRuntime = {
  reconcile: async (specs, _network, options = {}) => {
    looks += 1;
    spared = options.spared;
    const answer = next;
    next = undefined;
    if (answer !== undefined) return answer(options);
    return { states: specs.map(({ name, host }) => ({ name, host, ...status })), left: [], more: false };
  },
  plan: async () => [],
  onNeed: () => () => undefined,
  onEvent: () => () => undefined,
  exec: async () => ({ exitCode: 0, said: '' }),
  execSession: () => Promise.reject(new Error('nothing runs here')),
  heldAddresses: async () => [],
  heldImages: async () => [],
  removeAll: async () => [],
};

beforeEach(() => {
  vi.useFakeTimers();
  [looks, next] = [0, undefined];
  store = fakeStore();
  store.put(keys.container('web-1'), SPEC);
});
afterEach(() => {
  vi.useRealTimers();
});

function keep() {
  const log = createLogger('silent', 'host-1');
  const keeper = createContainerKeeper({ runtime, store, host: 'host-1', log });
  keeper.want([SPEC], NETWORK, []);
  return keeper;
}

it('tries again to repair the link of a container that runs, until it is whole', async () => {
  status = { state: 'failed', pid: 7, address: '10.10.1.2', reason: 'there is no bridge' };
  const keeper = keep();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(looks).toBe(3);
  status = { state: 'running', pid: 7, address: '10.10.1.2' };
  await vi.advanceTimersByTimeAsync(60_000);
  expect(looks).toBe(4);
  await keeper.stop();
});

it('leaves one that does not run to the delays of the runtime', async () => {
  status = { state: 'failed', address: '10.10.1.2', reason: 'it has ended' };
  const keeper = keep();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(looks).toBe(1);
  await keeper.stop();
});

it('leaves a container alone that nobody can say anything of, and what etcd has of it', async () => {
  status = { state: 'running', address: '10.10.1.2', pid: 7 };
  // As an earlier agent wrote it, in whatever order.
  for (const name of ['unknown', 'gone'])
    store.put(keys.containerStatus(name), { ...status, host: 'host-1', name });
  const keeper = keep();
  keeper.want([SPEC], NETWORK, ['unknown']);
  await vi.advanceTimersByTimeAsync(100);
  expect(spared).toEqual(['unknown']);
  const states = () => Object.keys(store.dump()).filter((key) => key.startsWith(keys.containerStatusPrefix));
  expect(states().sort()).toEqual(['unknown', 'web-1'].map(keys.containerStatus));
  keeper.want([SPEC], NETWORK, []);
  await vi.advanceTimersByTimeAsync(100);
  expect(states()).toEqual([keys.containerStatus('web-1')]);
  await keeper.stop();
});

it('leaves what another host says of a container that became its own, also where this one does not know yet', async () => {
  status = { state: 'running', address: '10.10.1.2', pid: 7 };
  const keeper = keep();
  await vi.advanceTimersByTimeAsync(100);
  const said = () => JSON.parse(store.dump()[keys.containerStatus('web-1')] ?? '{}');
  expect(said()).toMatchObject({ host: 'host-1', pid: 7 });
  const theirs = { name: 'web-1', host: 'host-2', state: 'running', address: '10.10.2.2', pid: 9 };
  store.put(keys.container('web-1'), { ...SPEC, host: 'host-2' });
  store.put(keys.containerStatus('web-1'), theirs);
  keeper.again();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(said()).toEqual(theirs);
  keeper.want([], NETWORK, []);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(said()).toEqual(theirs);
  store.put(keys.container('web-1'), SPEC);
  keeper.want([SPEC], NETWORK, []);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(said()).toMatchObject({ host: 'host-1', pid: 7 });
  await keeper.stop();
});

const said = () => JSON.parse(store.dump()[keys.containerStatus('web-1')] ?? 'null');

it('tells of a container as soon as it runs, while others are still being started', async () => {
  status = { state: 'running', pid: 7 };
  let end: (done: Reconciled) => void = () => undefined;
  next = ({ onState }) => {
    onState?.({ name: 'web-1', host: 'host-1', state: 'running', pid: 6 });
    return new Promise((resolve) => {
      end = resolve;
    });
  };
  const keeper = keep();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(said()).toMatchObject({ state: 'running', pid: 6 });
  end({ states: [{ name: 'web-1', host: 'host-1', state: 'failed' }], left: [], more: true });
  await vi.advanceTimersByTimeAsync(100);
  // More were to come: the next look is not waited for.
  expect(looks).toBe(2);
  expect(said()).toMatchObject({ state: 'running', pid: 7 });
  await keeper.stop();
});

it('lets a pass know that something else is wanted, or that the agent ends', async () => {
  status = { state: 'running', pid: 7 };
  const seen: (boolean | undefined)[] = [];
  const answer = (act: () => void) => async (options: PassOptions) => {
    seen.push(options.isStale?.());
    act();
    seen.push(options.isStale?.());
    return { states: [], left: [], more: false };
  };
  next = answer(() => keeper.want([], NETWORK, []));
  const keeper = keep();
  await vi.advanceTimersByTimeAsync(100);
  next = answer(() => void keeper.stop());
  keeper.look();
  await vi.advanceTimersByTimeAsync(100);
  expect(seen).toEqual([false, true, false, true]);
});

it('keeps what etcd has of a container until it is gone, and tries again to remove it', async () => {
  status = { state: 'running', pid: 7 };
  const keeper = keep();
  await vi.advanceTimersByTimeAsync(100);
  next = async () => ({ states: [], left: ['web-1'], more: false });
  store.remove(keys.container('web-1'));
  keeper.want([], NETWORK, []);
  await vi.advanceTimersByTimeAsync(100);
  expect(said()).toMatchObject({ state: 'running' });
  // Nobody could look.
  next = async () => ({ states: [], left: undefined, more: false });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(said()).toMatchObject({ state: 'running' });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(said()).toBeNull();
  expect(looks).toBe(4);
  await keeper.stop();
});
