import { buildApp } from '@causeway/controller/app';
import { ensureCluster } from '@causeway/controller/bootstrap';
import { View } from '@causeway/controller/view/view';
import { CAUSEWAY_PREFIX } from '@causeway/shared/names';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { startRealController } from '../support/real-controller.ts';
import { type Death, mortalStore } from './lease-mortal-store.ts';

/**
 * A controller that is killed at any of its calls to etcd leaves all of a change or nothing of it, and whoever repeats
 * the change finishes it.
 */
let etcd: TestEtcd;
let store: Store;
let view: View;

beforeAll(async () => {
  etcd = await startEtcd();
  store = openEtcdStore({ endpoints: [etcd.endpoint] });
  await ensureCluster(store, { networkIpv6: 'fd00:10::/48' }, () => {});
});

afterAll(async () => {
  store.close();
  await etcd?.stop();
});

beforeEach(async () => {
  view = new View(store);
  await view.whole(5_000);
});

afterEach(async () => {
  await clean();
  view.close();
});

/** Ranges that the tests fill; the cluster's own configuration stays. */
const OURS = [keys.servicePrefix, keys.allocationPrefix, keys.workloadPrefix, keys.containerPrefix];

async function clean(): Promise<void> {
  await store.transaction([], [{ delete: keys.lastAllocation }]);
  for (const prefix of OURS) {
    const { items } = await store.list(prefix);
    if (items.length > 0)
      await store.transaction(
        [],
        items.map(({ key }) => ({ delete: key })),
      );
  }
  const { revision } = await store.list(OURS[0] ?? '');
  await view.reached('causeway', revision, 5_000);
  await view.until(
    () => view.tables.service.size + view.tables.vip.size + view.tables.workload.size === 0,
    5_000,
  );
}

interface Request {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly payload?: object;
}

/** Nothing that is decided by chance: two runs of one request write the same. */
const chance = { random: () => 0, now: () => '2026-01-01T00:00:00.000Z' };

/** @returns the status of the answer, or undefined when the process died before it came */
async function ask(through: Store, request: Request, died: Promise<void> = new Promise(() => {})) {
  const app = await buildApp({ store: through, view, chance });
  const answer = app.inject(request).then(({ statusCode }) => statusCode);
  const status = await Promise.race([answer, died.then(() => undefined)]);
  if (status !== undefined) await app.close();
  return status;
}

async function dump(): Promise<Record<string, string>> {
  const { items, revision } = await store.list(`${CAUSEWAY_PREFIX}/`);
  await view.reached('causeway', revision, 5_000);
  return Object.fromEntries(items.map(({ key, value }) => [key, value]));
}

async function findings(): Promise<unknown> {
  const app = await buildApp({ store, view });
  const reply = await app.inject('/v1/ipam/check');
  await app.close();
  return reply.json().findings;
}

const SERVICE = {
  name: 'a',
  vip: ['2.2.2.2', 'auto'],
  ports: [
    { port: 80, nodePort: 'auto' },
    { port: 53, protocol: 'udp', nodePort: 30053 },
  ],
  endpoints: ['10.10.1.2', '[fd00:10:0:1::2]', 'db'],
};
const WORKLOAD = { name: 'db', addresses: ['203.0.113.9', 'fd00:77::9'], labels: { app: 'db' } };

const MAKE: Request = { method: 'POST', url: '/v1/services', payload: SERVICE };
const REGISTER: Request = { method: 'POST', url: '/v1/workloads', payload: WORKLOAD };

const CASES: readonly (readonly [what: string, before: readonly Request[], request: Request])[] = [
  ['makes a service', [REGISTER], MAKE],
  [
    'makes one without a name',
    [],
    { method: 'POST', url: '/v1/services', payload: { ports: [{ port: 80 }] } },
  ],
  [
    'replaces one, and changes all that it has',
    [REGISTER, MAKE],
    {
      method: 'PUT',
      url: '/v1/services/a',
      payload: {
        vip: ['auto', '3.3.3.3'],
        families: ['ipv6', 'ipv4'],
        ports: [{ port: 81, nodePort: 30081 }],
      },
    },
  ],
  ['removes one', [REGISTER, MAKE], { method: 'DELETE', url: '/v1/services/a' }],
  [
    'adds an endpoint',
    [REGISTER, MAKE],
    { method: 'POST', url: '/v1/services/a/endpoints', payload: { to: '10.10.1.3', weight: 5 } },
  ],
  [
    'drains an endpoint',
    [REGISTER, MAKE],
    { method: 'PATCH', url: '/v1/services/a/endpoints/db', payload: { drain: { deadlineSeconds: 60 } } },
  ],
  ['registers a workload', [], REGISTER],
  [
    'replaces a workload',
    [REGISTER],
    { method: 'PUT', url: '/v1/workloads/db', payload: { addresses: ['203.0.113.10'] } },
  ],
  ['forgets a workload', [REGISTER], { method: 'DELETE', url: '/v1/workloads/db' }],
];

/** With the calls of each case counted by a process that lives. */
async function deathsOf(before: readonly Request[], request: Request) {
  for (const one of before) await ask(store, one);
  const from = await dump();
  const whole = mortalStore(store, undefined);
  expect(await ask(whole.store, request)).toBeLessThan(300);
  const to = await dump();
  await clean();
  const deaths = Array.from({ length: whole.calls() }, (_, call): Death[] => [
    { call, when: 'before' },
    { call, when: 'after' },
  ]).flat();
  return { from, to, deaths };
}

describe('a controller that is killed while it', () => {
  it.each(CASES)('%s', async (_what, before, request) => {
    const { from, to, deaths } = await deathsOf(before, request);
    expect(deaths.length).toBeGreaterThanOrEqual(2);
    const ends: string[] = [];
    for (const death of deaths) {
      for (const one of before) await ask(store, one);
      const mortal = mortalStore(store, death);
      expect(await ask(mortal.store, request, mortal.died)).toBeUndefined();
      const left = await dump();
      const isDone = JSON.stringify(left) === JSON.stringify(to);
      if (!isDone) expect(left).toEqual(from);
      ends.push(isDone ? 'all' : 'nothing');
      expect(await findings()).toEqual([]);
      const again = await ask(store, request);
      // Only what is gone already cannot be removed again, and what no name tells from another is made once more.
      const isOther = isDone && (request.method === 'DELETE' || request === CASES[1]?.[2]);
      if (!isOther) {
        expect(again).toBeLessThan(300);
        expect(await dump()).toEqual(to);
      }
      expect(await findings()).toEqual([]);
      await clean();
    }
    // Every request's only write is one transaction: the last call before the answer.
    expect(new Set(ends)).toEqual(new Set(['nothing', 'all']));
  });
});

it('controllers that are killed among others that live leak and double nothing', async () => {
  const others = await Promise.all([0, 1].map(() => startRealController(etcd.endpoint)));
  const requests = Array.from({ length: 120 }, (_, n): Request => {
    const name = `s-${n % 6}`;
    const url = `/v1/services/${name}`;
    const nodePort = n % 4 === 0 ? 'auto' : 30_000 + (n % 5);
    const vip = n % 3 === 0 ? ['auto', 'auto'] : [`2.2.2.${n % 4}`, 'auto'];
    if (n % 7 === 0) return { method: 'DELETE', url };
    return { method: 'PUT', url, payload: { vip, ports: [{ port: 80, nodePort }] } };
  });
  await Promise.all(
    requests.map(async (request, n) => {
      const living = others[n % others.length];
      if (living === undefined) throw new Error('there is no controller');
      if (n % 3 > 0) return living.app.inject(request);
      const when = n % 2 === 0 ? 'before' : 'after';
      const mortal = mortalStore(living.store, { call: n % 5, when });
      return Promise.race([ask(mortal.store, request), mortal.died]);
    }),
  );
  for (const other of others) await other.idle();
  expect(await findings()).toEqual([]);
  const { items } = await store.list(keys.allocationPrefix);
  expect(items.length).toBeGreaterThan(0);
  for (const other of others) await other.close();
});
