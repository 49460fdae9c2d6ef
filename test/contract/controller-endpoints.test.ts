import type { EndpointSet } from '@causeway/shared/model/endpoint';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { host } from '../support/controller.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { type RealController, startRealController } from '../support/real-controller.ts';

/** Endpoints that change by themselves, with two controllers that both look: by a host's death, and by the clock. */
let etcd: TestEtcd;
let controllers: readonly RealController[];

beforeAll(async () => {
  etcd = await startEtcd();
});

afterAll(() => etcd?.stop());

beforeEach(async () => {
  controllers = await Promise.all([0, 1].map(() => startRealController(etcd.endpoint)));
});

afterEach(async () => {
  await Promise.all(controllers.map((controller) => controller.close()));
});

function controller(index: 0 | 1): RealController {
  return controllers[index] ?? expect.fail('there is no controller');
}

/** What the set of a service becomes, from now on, as one controller sees it. */
function follow(service: string) {
  const sets: EndpointSet[] = [];
  let wake = () => {};
  controller(1).view.subscribe(({ changes }) => {
    for (const change of changes)
      if (change.kind === 'endpoints' && change.id === service && change.after !== undefined)
        sets.push(change.after.value);
    wake();
  });
  const until = async (holds: (set: EndpointSet) => boolean) => {
    while (!sets.some(holds))
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { sets, until };
}

const SERVICE = { vip: 'none', ports: [{ port: 80, nodePort: 'auto' }], endpoints: ['web-1', '203.0.113.7'] };

async function make(name: string, overrides: object = {}): Promise<void> {
  const payload = { name, ...SERVICE, ...overrides };
  const reply = await controller(0).app.inject({ method: 'POST', url: '/v1/services', payload });
  expect(reply.statusCode).toBe(201);
  await controller(1).view.reached('causeway', reply.json().revision, 5_000);
}

async function startHost(ttlSeconds: number) {
  const { store, view } = controller(0);
  const lease = await store.grantLease(ttlSeconds);
  const { revision } = await store.transaction(
    [],
    [
      { put: keys.node('host-1'), value: encode(host(1)) },
      { put: keys.alive('host-1'), value: encode({ id: 'id-1', instance: 'one' }), lease },
      {
        put: keys.container('web-1'),
        value: encode({ name: 'web-1', host: 'host-1', command: ['httpd'], files: {} }),
      },
      {
        put: keys.containerStatus('web-1'),
        value: encode({ name: 'web-1', host: 'host-1', state: 'running', address: '10.10.1.2' }),
      },
    ],
  );
  await view.reached('causeway', revision, 5_000);
  return lease;
}

const isUnready = ({ endpoints }: EndpointSet) =>
  endpoints.some(({ container, state }) => container === 'web-1' && state === 'unready');

const statesOf = ({ endpoints }: EndpointSet) => endpoints.map(({ state = 'ready' }) => state);
const isDrained = (set: EndpointSet) => statesOf(set).includes('drained');

describe('a host that is not heard of any more', () => {
  it('has unready endpoints as soon as its key runs out, written once', async () => {
    const lease = await startHost(2);
    await make('dead');
    const { sets, until } = follow('dead');
    const began = Date.now();
    // The agent dies: nobody renews the lease.
    lease.release();
    await until(isUnready);
    expect(Date.now() - began).toBeLessThan(5_000);
    for (const one of controllers) await one.idle();
    expect(sets).toHaveLength(1);
    expect(sets[0]?.endpoints).toMatchObject([
      { address: '10.10.1.2', state: 'unready', reason: 'its host "host-1" is not alive' },
      { address: '203.0.113.7' },
    ]);
  });
});

describe('a deadline that passes', () => {
  it('is met by whichever controller is there, and written once', async () => {
    await startHost(60);
    await make('drained');
    const { sets, until } = follow('drained');
    const url = '/v1/services/drained/endpoints/web-1';
    const payload = { drain: { deadlineSeconds: 1 } };
    const reply = await controller(0).app.inject({ method: 'PATCH', url, payload });
    const deadline = Date.parse(reply.json().endpoints[0].drain.until);
    await until(isDrained);
    expect(Date.now()).toBeGreaterThanOrEqual(deadline);
    for (const one of controllers) await one.idle();
    expect(sets.map(statesOf)).toEqual([
      ['draining', 'ready'],
      ['drained', 'ready'],
    ]);
  });

  it('is met by the first clock that says so, and by no other one again', async () => {
    await startHost(60);
    await make('skewed');
    const clock = () => Date.now() + 3_600_000;
    const ahead = await startRealController(etcd.endpoint, {}, { clock });
    controllers = [...controllers, ahead];
    const { sets, until } = follow('skewed');
    const url = '/v1/services/skewed/endpoints';
    const payload = { drain: { deadlineSeconds: 1_800 } };
    await controller(0).app.inject({ method: 'PATCH', url: `${url}/web-1`, payload });
    await until(isDrained);
    // Whoever looks anew, and at another definition, takes what is stored for it.
    await controller(0).app.inject({ method: 'POST', url, payload: { to: '203.0.113.9' } });
    await until(({ endpoints }) => endpoints.length === 3);
    for (const one of controllers) await one.idle();
    const first = sets.findIndex(isDrained);
    expect(sets.slice(first).every(isDrained)).toBe(true);
    expect(sets).toHaveLength(first + 2);
  });

  it('is over at once when it lies in the past already', async () => {
    await startHost(60);
    const past = { to: '203.0.113.7', drain: { until: '2020-01-01T00:00:00Z' } };
    await make('late', { endpoints: ['web-1', past] });
    const { app, view } = controller(1);
    await view.until(() => view.tables.endpoints.has('late'), 5_000);
    const { items, unresolved } = (await app.inject('/v1/services/late/endpoints')).json();
    expect(items).toMatchObject([
      { address: '10.10.1.2', state: 'ready' },
      { address: '203.0.113.7', state: 'drained', drainUntil: '2020-01-01T00:00:00Z' },
    ]);
    expect(unresolved).toEqual([]);
  });
});
