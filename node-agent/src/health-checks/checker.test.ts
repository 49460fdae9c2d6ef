import type { Endpoint } from '@causeway/shared/model/endpoint';
import type { HealthCheck } from '@causeway/shared/model/service';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { resolved, serviceSpec } from '../../../test/support/desired-host.ts';
import { type Checker, createChecker } from './checker.ts';
import type { Fault } from './verdict.ts';

const CHECK: HealthCheck = { type: 'tcp', intervalMs: 1_000, timeoutMs: 100, rise: 2, fall: 3 };

let checker: Checker;
/** Addresses, in the order in which they were asked. */
let asked: string[];
/** What an address answers; absent: well. */
let faults: Map<string, string>;
/** Questions that are open, where answers are held back. */
let open: Map<string, (fault: Fault) => void> | undefined;
let ended: string[];
let changes: number;
let chance: number;

beforeEach(() => {
  vi.useFakeTimers();
  [asked, faults, open, ended, changes, chance] = [[], new Map(), undefined, [], 0, 0];
  checker = createChecker({
    host: 'host-1',
    onChange: () => {
      changes += 1;
    },
    random: () => chance,
    ask: ({ endpoint: { address } }, signal) => {
      asked.push(address);
      if (faults.get(address) === 'nonsense') throw new Error('nonsense');
      const waiting = open;
      if (waiting === undefined) return Promise.resolve(faults.get(address));
      signal.addEventListener('abort', () => ended.push(address));
      return new Promise((resolve) => waiting.set(address, resolve));
    },
  });
});
afterEach(() => {
  checker.stop();
  vi.useRealTimers();
});

function want(addresses: readonly string[], check: Partial<HealthCheck> = {}, more: Partial<Endpoint> = {}) {
  const endpoints = addresses.map((address) => resolved(address, 80, { checkedBy: 'host-1', ...more }));
  const services = [serviceSpec('web', { health: { ...CHECK, ...check } })];
  const all = { services, endpoints: new Map([['web', { service: 'web', endpoints, unresolved: [] }]]) };
  checker.want(all as unknown as Snapshot);
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const healthy = () => checker.healthy().map((id) => id.split(' ')[2]);
const unhealthy = () => checker.unhealthy().map(({ address, reason }) => `${address}: ${reason}`);

it('asks at the interval, shortened a little, and tells within interval × fall', async () => {
  want(['10.10.1.2']);
  await pass(0);
  expect(asked).toHaveLength(1);
  await pass(3_000);
  expect(asked).toHaveLength(4);
  chance = 0.999;
  await pass(1_000);
  asked = [];
  await pass(3_700);
  expect(asked).toHaveLength(4);
  chance = 0;
  faults.set('10.10.1.2', 'refused');
  await pass(CHECK.intervalMs * CHECK.fall);
  expect(unhealthy()).toEqual(['10.10.1.2: refused']);
  faults.clear();
  await pass(CHECK.intervalMs * CHECK.rise);
  expect(unhealthy()).toEqual([]);
});

it('tells of a new endpoint before it was asked, and of its first good answer', async () => {
  want([]);
  changes = 0;
  faults.set('10.10.1.2', 'refused');
  want(['10.10.1.2']);
  expect([changes, unhealthy()]).toEqual([1, ['10.10.1.2: its health check has no good answer yet']]);
  await pass(0);
  expect([changes, unhealthy(), healthy()]).toEqual([2, ['10.10.1.2: refused'], []]);
  faults.set('10.10.1.2', 'silent');
  await pass(1_000);
  expect(changes).toBe(2);
  faults.clear();
  await pass(1_000);
  expect([changes, unhealthy(), healthy()]).toEqual([3, [], ['10.10.1.2']]);
});

it('takes for new, also when the agent starts, what nobody has asked yet', () => {
  want(['10.10.1.2'], {}, { state: 'unready', reason: 'why', unaskedUntil: '2026-01-01T00:00:30.000Z' });
  expect(unhealthy()).toEqual(['10.10.1.2: its health check has no good answer yet']);
});

it('asks a new one at once, and one that is thought healthy some time within its interval', async () => {
  chance = 0.5;
  want(['10.10.1.2']);
  await pass(499);
  expect(asked).toEqual([]);
  await pass(1);
  expect(asked).toEqual(['10.10.1.2']);
  want(['10.10.1.2', '10.10.1.3']);
  await pass(0);
  expect(asked).toEqual(['10.10.1.2', '10.10.1.3']);
});

it('forgets an endpoint that is gone: its open question, its answer, and what was thought of it', async () => {
  open = new Map();
  want(['10.10.1.2', '10.10.1.3']);
  await pass(0);
  expect(asked).toHaveLength(2);
  want(['10.10.1.3']);
  expect([ended, checker.asked()]).toEqual([['10.10.1.2'], 1]);
  open.get('10.10.1.2')?.('refused');
  await pass(10_000);
  expect([asked.length, unhealthy(), vi.getTimerCount()]).toEqual([2, [], 0]);
  want(['10.10.1.2', '10.10.1.3']);
  expect(unhealthy()).toEqual(['10.10.1.2: its health check has no good answer yet']);
});

it('asks nobody twice at once, however long an answer takes', async () => {
  open = new Map();
  want(['10.10.1.2']);
  await pass(10_000);
  want(['10.10.1.2'], {}, { weight: 2 });
  await pass(10_000);
  expect([asked.length, ended]).toEqual([1, []]);
  open.get('10.10.1.2')?.(undefined);
  await pass(0);
  expect(asked).toHaveLength(2);
});

it('ends the open question of a check that has changed, and asks anew', async () => {
  open = new Map();
  want(['10.10.1.2'], {}, { state: 'unready' });
  await pass(10_000);
  const old = open.get('10.10.1.2');
  want(['10.10.1.2'], { intervalMs: 500, fall: 1 }, { state: 'unready' });
  await pass(0);
  expect([asked.length, ended]).toEqual([2, ['10.10.1.2']]);
  old?.(undefined);
  await pass(0);
  expect(unhealthy()).toHaveLength(1);
  open.get('10.10.1.2')?.(undefined);
  await pass(0);
  want(['10.10.1.2'], { intervalMs: 500, fall: 1, rise: 1 }, { state: 'unready' });
  await pass(500);
  expect(asked).toHaveLength(3);
});

it('names a good answer as awaited while the set has it as unready', async () => {
  const word = () => [checker.healthy(), checker.awaited()].map((ids) => ids.map((id) => id.split(' ')[2]));
  const both = ['10.10.1.2', '10.10.1.3'];
  chance = 0.5;
  want(both);
  expect(word()).toEqual([[], []]);
  await pass(CHECK.intervalMs);
  expect(word()).toEqual([both, []]);
  changes = 0;
  want(both, {}, { state: 'unready', reason: 'its host was not alive' });
  expect([...word(), changes]).toEqual([both, both, 1]);
  want(both);
  expect(word()).toEqual([both, []]);
});

it('says how many still owe their first answer, and tells when the last has given it', async () => {
  want([]);
  open = new Map();
  want(['10.10.1.2', '10.10.1.3', '10.10.1.4']);
  await pass(0);
  expect(checker.unanswered()).toBe(3);
  open.get('10.10.1.2')?.(undefined);
  open.get('10.10.1.3')?.('refused');
  await pass(0);
  [changes] = [0];
  expect(checker.unanswered()).toBe(1);
  open.get('10.10.1.4')?.(undefined);
  await pass(0);
  expect([checker.unanswered(), changes]).toEqual([0, 1]);
  want(['10.10.1.5']);
  want([]);
  expect(checker.unanswered()).toBe(0);
});

it('looks at those services only of which something is new', async () => {
  let looks = 0;
  const set = (name: string) => ({
    ...{ service: name, unresolved: [] },
    get endpoints() {
      looks += 1;
      return [resolved('10.10.1.2', 80, { checkedBy: 'host-1' })];
    },
  });
  const services = ['a', 'b', 'c'].map((name) => serviceSpec(name, { health: CHECK }));
  const endpoints = new Map(['a', 'b', 'c'].map((name) => [name, set(name)]));
  checker.want({ services, endpoints } as unknown as Snapshot);
  expect(checker.asked()).toBe(3);
  looks = 0;
  checker.want({ services, endpoints: new Map(endpoints).set('b', set('b')) } as unknown as Snapshot);
  // The one before, and the one since then.
  expect([looks, checker.asked()]).toEqual([2, 3]);
  checker.want({ services: services.slice(1), endpoints } as unknown as Snapshot);
  expect(checker.asked()).toBe(2);
});

it('goes by a check that has changed, and keeps what it thinks of the endpoint', async () => {
  faults.set('10.10.1.2', 'refused');
  want(['10.10.1.2'], { intervalMs: 60_000, fall: 1 });
  await pass(0);
  expect(unhealthy()).toEqual(['10.10.1.2: refused']);
  want(['10.10.1.2'], { intervalMs: 100, fall: 1 });
  expect(unhealthy()).toEqual(['10.10.1.2: refused']);
  asked = [];
  await pass(1_000);
  expect(asked.length).toBeGreaterThanOrEqual(10);
});

it.each([
  ['tcp', 256],
  ['command', 8],
] as const)('of a thousand that come at once, has so many open at a time: %s', async (type, most) => {
  open = new Map();
  const addresses = Array.from({ length: 1_000 }, (_, i) => `10.10.${i >> 8}.${i & 255}`);
  want([]);
  want(addresses, { type });
  await pass(50);
  expect(asked).toHaveLength(most);
  open.get(asked[0] ?? '')?.(undefined);
  await pass(0);
  expect(asked).toHaveLength(most + 1);
});

it('takes what cannot even be asked for unhealthy, and goes on', async () => {
  faults.set('10.10.1.2', 'nonsense');
  want(['10.10.1.2']);
  await pass(3_000);
  expect([asked.length, unhealthy()]).toEqual([4, ['10.10.1.2: nonsense']]);
});

it('looks at nothing when nothing of the services is new', async () => {
  want(['10.10.1.2']);
  const snapshot = { services: [], endpoints: new Map() } as unknown as Snapshot;
  checker.want(snapshot);
  changes = 0;
  checker.want({ ...snapshot, networkRevision: 9 });
  expect(changes).toBe(0);
});
