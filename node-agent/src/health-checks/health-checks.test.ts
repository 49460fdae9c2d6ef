import { type HealthRecord, healthId } from '@causeway/shared/model/health';
import type { HealthCheck } from '@causeway/shared/model/service';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import { keys } from '@causeway/shared/store/keys';
import type { LeaseHandle } from '@causeway/shared/store/store';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../../../test/support/agent-world.ts';
import { resolved, serviceSpec } from '../../../test/support/desired-host.ts';
import { type FakeStore, fakeStore } from '../../../test/support/fake-store.ts';
import { createLogger } from '../logger.ts';
import { createHealthChecks, type HealthChecks } from './health-checks.ts';

const CHECK: HealthCheck = {
  ...{ type: 'command', command: ['check'], intervalMs: 100, timeoutMs: 50, rise: 1, fall: 1 },
};
let store: FakeStore;
let lease: LeaseHandle;
let exitCodes: Map<string, number>;
let asked: number;
let health: HealthChecks;

beforeEach(async () => {
  store = fakeStore();
  lease = await store.grantLease(10);
  [exitCodes, asked] = [new Map(), 0];
  health = createHealthChecks({
    ...{ host: 'host-1', store, liveness: () => lease, log: createLogger('silent', 'host-1') },
    runtime: {
      exec: async (name) => {
        asked += 1;
        return { exitCode: exitCodes.get(name) ?? 0, said: '' };
      },
    },
    random: () => 0,
  });
});
afterEach(() => health.stop());

function want(...containers: readonly string[]): void {
  const endpoints = containers.map((container, i) =>
    resolved(`10.10.1.${i + 2}`, 80, { container, checkedBy: 'host-1' }),
  );
  const services = [serviceSpec('web', { health: CHECK })];
  const all = { services, endpoints: new Map([['web', { service: 'web', endpoints, unresolved: [] }]]) };
  health.want(all as unknown as Snapshot);
}
function record(): HealthRecord | undefined {
  const text = store.dump()[keys.health('host-1')];
  return text === undefined ? undefined : JSON.parse(text);
}
const found = () => record()?.unhealthy.map(({ address, reason }) => `${address}: ${reason}`);
const rounds = async (n: number) => {
  const goal = asked + n;
  await until(() => expect(asked).toBeGreaterThanOrEqual(goal));
};

const [A, B] = ['10.10.1.2', '10.10.1.3'].map((address) =>
  healthId({ service: 'web', portName: '', address, port: 80 }),
);

it('writes what changes, and nothing else', async () => {
  want('a', 'b');
  await until(() => expect(record()).toEqual({ node: 'host-1', unhealthy: [], healthy: [A, B] }));
  await rounds(6);
  expect(store.written).toBe(1);
  exitCodes.set('b', 3);
  await until(() => expect(found()).toEqual(['10.10.1.3: running check: exit 3']));
  expect(record()?.healthy).toEqual([A]);
  exitCodes.set('b', 4);
  await rounds(6);
  expect(store.written).toBe(2);
  expect(health.state()).toEqual({ asked: 2, unhealthy: 1 });
  want('a');
  await until(() => expect(found()).toEqual([]));
});

it('writes nothing on a host that has nobody to ask', async () => {
  want();
  health.again();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(store.written).toBe(0);
});

it('writes on the lease that says that the host is alive, and on the next one when that is lost', async () => {
  exitCodes.set('a', 1);
  want('a');
  await until(() => expect(found()).toEqual(['10.10.1.2: running check: exit 1']));
  store.expire(lease.id);
  expect(record()).toBeUndefined();
  lease = await store.grantLease(10);
  want('a');
  await until(() => expect(found()).toEqual(['10.10.1.2: running check: exit 1']));
  expect((await store.get(keys.health('host-1')))?.leaseId).toBe(lease.id);
});

it('loses nothing while etcd is away: what was found meanwhile is written then', async () => {
  want('a', 'b');
  await until(() => expect(found()).toEqual([]));
  store.fail('gone');
  exitCodes.set('a', 1);
  await rounds(6);
  exitCodes.set('b', 1);
  exitCodes.set('a', 0);
  await rounds(6);
  expect(found()).toEqual([]);
  store.recover();
  await until(() => expect(found()).toEqual(['10.10.1.3: running check: exit 1']));
});

it('does not take for unwritten what etcd took without saying so', async () => {
  want('a');
  await until(() => expect(found()).toEqual([]));
  const transaction = store.transaction.bind(store);
  store.transaction = async (...all) => {
    await transaction(...all);
    throw new Error('timed out');
  };
  exitCodes.set('a', 1);
  await until(() => expect(found()).toEqual(['10.10.1.2: running check: exit 1']));
  exitCodes.set('a', 0);
  await until(() => expect(health.state().unhealthy).toBe(0));
  store.transaction = transaction;
  await until(() => expect(found()).toEqual([]));
});
