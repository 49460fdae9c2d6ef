import type { ContainerStatus } from '@causeway/shared/model/container';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { fakeStore } from '../../../test/support/fake-store.ts';
import type { ContainerRuntime } from '../containers/runtime.ts';
import { createLogger } from '../logger.ts';
import { createContainerKeeper } from './container-keeper.ts';

const SPEC = { name: 'web-1', host: 'host-1', command: ['true'], files: {} };
const NETWORK = { subnet: '10.10.1.0/24', gateway: '10.10.1.1', bridge: 'cwy0', mtu: 1500 };

let status: Omit<ContainerStatus, 'name' | 'host'>;
let looks: number;

const runtime: ContainerRuntime = {
  reconcile: async (specs) => {
    looks += 1;
    return specs.map(({ name, host }) => ({ name, host, ...status }));
  },
  plan: async () => [],
  onNeed: () => () => undefined,
  removeAll: async () => [],
};

beforeEach(() => {
  vi.useFakeTimers();
  looks = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

function keep() {
  const log = createLogger('silent', 'host-1');
  const keeper = createContainerKeeper({ runtime, store: fakeStore(), host: 'host-1', log });
  keeper.want([SPEC], NETWORK);
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
