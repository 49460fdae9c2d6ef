import type { Endpoint } from '@causeway/shared/model/endpoint';
import { type HealthRecord, healthId } from '@causeway/shared/model/health';
import type { HealthCheck } from '@causeway/shared/model/service';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import { keys } from '@causeway/shared/store/keys';
import type { LeaseHandle } from '@causeway/shared/store/store';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
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
/** Ends the command in a container, where commands are held back. */
let held: Map<string, () => void> | undefined;
let asked: number;
let health: HealthChecks;
let problems: (string | undefined)[];
/** Transactions, of this agent's alone. */
let before: number;
const writings = () => store.written - before;
const ALIVE = { key: keys.alive('host-1'), value: JSON.stringify({ id: 'id-1', instance: 'one' }) };

beforeEach(async () => {
  store = fakeStore();
  lease = await store.grantLease(10);
  store.put(ALIVE.key, { id: 'id-1', instance: 'one' });
  [exitCodes, asked, problems, before, held] = [new Map(), 0, [], store.written, undefined];
  health = createHealthChecks({
    ...{ host: 'host-1', store, liveness: () => lease, log: createLogger('silent', 'host-1') },
    alive: ALIVE,
    onProblem: () => problems.push(health.problem()),
    runtime: {
      exec: async (name) => {
        asked += 1;
        const waiting = held;
        if (waiting !== undefined) await new Promise<void>((resolve) => waiting.set(name, resolve));
        return { exitCode: exitCodes.get(name) ?? 0, said: '' };
      },
    },
    random: () => 0,
  });
});
afterEach(async () => {
  // By the clock that it was started by: Node's own immediates go wrong when another's is cleared.
  const ended = health.stop();
  vi.useRealTimers();
  await ended;
});

function want(...containers: readonly string[]): void {
  wantAs({}, ...containers);
}
function wantAs(more: Partial<Endpoint>, ...containers: readonly string[]): void {
  const endpoints = containers.map((container, i) =>
    resolved(`10.10.1.${i + 2}`, 80, { container, checkedBy: 'host-1', ...more }),
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
  await until(() => expect(record()).toEqual({ node: 'host-1', unhealthy: [], healthy: [] }));
  await rounds(6);
  expect(writings()).toBe(1);
  exitCodes.set('b', 3);
  await until(() => expect(found()).toEqual(['10.10.1.3: running check: exit 3']));
  exitCodes.set('b', 4);
  await rounds(6);
  expect(writings()).toBe(2);
  expect(health.state()).toEqual({ asked: 2, unhealthy: 1 });
  want('a');
  await until(() => expect(found()).toEqual([]));
});

it('names those that it found healthy while their set has them as unready, and takes nothing back for that alone', async () => {
  wantAs({ state: 'unready' }, 'a', 'b');
  await until(() => expect(record()).toEqual({ node: 'host-1', unhealthy: [], healthy: [A, B] }));
  const written = writings();
  want('a', 'b');
  await rounds(6);
  expect(writings()).toBe(written);
  exitCodes.set('b', 1);
  await until(() => expect(found()).toEqual(['10.10.1.3: running check: exit 1']));
  expect(record()?.healthy).toEqual([]);
});

it('takes a good word back when it does not hold any more', async () => {
  wantAs({ state: 'unready' }, 'a', 'b');
  await until(() => expect(record()?.healthy).toEqual([A, B]));
  want('a');
  await until(() => expect(record()?.healthy).not.toContain(B));
});

it('gathers the first answers of many that come at once, and writes at once when the last is there', async () => {
  vi.useFakeTimers();
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  held = new Map();
  want();
  await pass(10);
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const asUnasked = { state: 'unready', unaskedUntil: '2026-01-01T00:00:30.000Z' } as const;
  wantAs(asUnasked, ...names);
  await pass(5);
  for (const name of names.slice(0, 3)) {
    held.get(name)?.();
    await pass(5);
  }
  expect(writings()).toBe(0);
  await pass(50);
  expect([writings(), record()?.healthy?.length, record()?.unhealthy.length]).toEqual([1, 3, 3]);
  for (const name of names.slice(3)) held.get(name)?.();
  await pass(1);
  expect([writings(), record()?.healthy?.length, record()?.unhealthy.length]).toEqual([2, 6, 0]);
});

it('says nothing in the place of another agent, and speaks again when its own sign of life is back', async () => {
  want('a');
  await until(() => expect(found()).toEqual([]));
  store.put(ALIVE.key, { id: 'id-1', instance: 'two' });
  const theirs = { node: 'host-1', unhealthy: [], healthy: [B] };
  store.put(keys.health('host-1'), theirs);
  exitCodes.set('a', 1);
  await until(() => expect(problems).toEqual([expect.stringMatching(/not this agent's/)]));
  health.again();
  await rounds(6);
  expect(record()).toEqual(theirs);
  store.put(ALIVE.key, { id: 'id-1', instance: 'one' });
  await until(() => expect(found()).toEqual(['10.10.1.2: running check: exit 1']));
  await until(() => expect(health.problem()).toBeUndefined());
});

it('finds, when told to look, what somebody else has written or removed', async () => {
  want('a');
  await until(() => expect(found()).toEqual([]));
  const written = writings();
  health.verify();
  await rounds(6);
  expect(writings()).toBe(written);
  for (const damage of [
    () => store.remove(keys.health('host-1')),
    () => store.put(keys.health('host-1'), 'x'),
  ]) {
    damage();
    health.verify();
    await until(() => expect(found()).toEqual([]));
  }
});

it('writes nothing on a host that has nobody to ask', async () => {
  want();
  health.again();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(writings()).toBe(0);
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
  expect(health.problem()).toMatch(/not in etcd.*gone/);
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
