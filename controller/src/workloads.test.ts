import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Rig, refused, startRig } from '../../test/support/controller.ts';
import { startEndpointLoop } from './endpoints/loop.ts';
import { View } from './view/view.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig({ wanted: { networkIpv6: 'fd00:10::/48' } });
});

afterEach(() => rig.close());

const DB = { name: 'db', addresses: ['203.0.113.9', '2001:DB8::9'], labels: { app: 'db' } };
const URL = '/v1/workloads';

describe('workloads', () => {
  it('are registered, shown, replaced and forgotten', async () => {
    const dry = await rig.ask('POST', `${URL}?dryRun`, DB);
    expect(dry).toMatchObject({ status: 200, body: { name: 'db', revision: 0 } });
    expect(rig.store.dump()[keys.workload('db')]).toBeUndefined();
    const made = await rig.ask('POST', URL, DB);
    expect(made).toMatchObject({
      status: 201,
      body: { name: 'db', addresses: ['203.0.113.9', '2001:db8::9'], labels: { app: 'db' } },
      headers: { location: '/v1/workloads/db', etag: `"${made.body.revision}"` },
    });
    expect(await rig.ask('POST', URL, DB)).toMatchObject({ status: 200, body: made.body });
    expect((await rig.ask('GET', `${URL}/db`)).body).toEqual(made.body);
    expect((await rig.ask('GET', URL)).body.items).toEqual([made.body]);
    const other = { ...DB, addresses: ['203.0.113.10'] };
    expect(await rig.ask('POST', URL, other)).toMatchObject({ status: 409, body: { field: 'name' } });
    const late = { 'if-match': '"1"' };
    expect((await rig.ask('PUT', `${URL}/db`, other, late)).status).toBe(412);
    const put = await rig.ask('PUT', `${URL}/db`, { addresses: ['203.0.113.10'] });
    expect(put).toMatchObject({ status: 200, body: { addresses: ['203.0.113.10'], labels: {} } });
    expect((await rig.ask('DELETE', `${URL}/db`, undefined, late)).status).toBe(412);
    expect((await rig.ask('DELETE', `${URL}/db`)).status).toBe(200);
    expect((await rig.ask('GET', `${URL}/db`)).status).toBe(404);
    expect((await rig.ask('DELETE', `${URL}/db`)).body.detail).toBe('there is no workload "db"');
    expect((await rig.ask('PUT', `${URL}/db`, DB)).status).toBe(201);
  });

  it.each([
    [
      { addresses: ['203.0.113.300'] },
      422,
      'addresses[0]',
      'addresses[0] "203.0.113.300" is not an address such as',
    ],
    [{ addresses: ['203.0.113.9/32'] }, 422, 'addresses[0]', 'is not an address such as'],
    [{ addresses: ['203.0.113.9', '203.0.113.10'] }, 422, 'addresses[1]', 'is a second IPv4 address'],
    [{ addresses: ['127.0.0.1'] }, 422, 'addresses[0]', 'is a loopback address'],
    [{ addresses: ['10.96.1.1'] }, 422, 'addresses[0]', 'is inside the service range 10.96.0.0/16'],
    [{ addresses: ['2.2.2.9'] }, 422, 'addresses[0]', 'is the VIP of service "other"'],
    [{ addresses: [] }, 422, 'addresses', 'addresses [] is empty: an address is needed'],
    [{ addresses: undefined }, 422, 'addresses', 'addresses is missing'],
    [{ labels: { 'a b': 'c' } }, 422, 'labels', 'labels {"a b":"c"} has "a b", which is not a label\'s key'],
    [{ name: 'web-1' }, 409, 'name', 'name "web-1" is taken by a container; choose another name'],
    [{ name: 'D B' }, 422, 'name', 'name "D B" is not a name'],
    [{ colour: 1 }, 422, 'colour', 'colour 1 is not a known field of the body'],
  ])('%j is refused', async (overrides, status, field, detail) => {
    await rig.ask('POST', '/v1/services', { name: 'other', vip: '2.2.2.9', ports: [{ port: 80 }] });
    const answer = await refused(rig, 'POST', URL, { ...DB, ...overrides });
    expect(answer).toMatchObject({ status, field });
    expect(answer.detail).toContain(detail);
  });

  it('and containers never share a name, also when both are made at once', async () => {
    const container = { name: 'db', host: 'host-1', command: ['sh'] };
    for (const [first, second] of [
      [keys.container('db'), URL],
      [keys.workload('db'), '/v1/containers'],
    ] as const) {
      rig.store.beforeTransaction(async () => {
        rig.store.beforeTransaction(undefined);
        rig.store.put(first, { ...container, files: {}, addresses: ['203.0.113.9'], labels: {} });
      });
      const late = await rig.ask('POST', second, second === URL ? DB : container);
      expect(late).toMatchObject({ status: 409, body: { field: 'name' } });
      await rig.settled();
      expect((await rig.ask('POST', second, second === URL ? DB : container)).status).toBe(409);
      rig.store.remove(first);
      await rig.settled();
    }
  });

  it('are endpoints by name and by label, and the services follow them', async () => {
    await rig.ask('POST', URL, DB);
    const make = (name: string, body: object) =>
      rig.ask('POST', '/v1/services', { name, families: ['ipv4', 'ipv6'], ports: [{ port: 5432 }], ...body });
    const places = async (name: string) =>
      (await rig.ask('GET', `/v1/services/${name}/endpoints`)).body.items.map(
        ({ address, port, ref }: { address: string; port: number; ref: string }) =>
          `${ref} ${address} ${port}`,
      );
    await make('named', { endpoints: ['db:5433'] });
    await make('selecting', { selector: { app: 'db' } });
    expect(await places('named')).toEqual(['db:5433 203.0.113.9 5433', 'db:5433 2001:db8::9 5433']);
    expect(await places('selecting')).toEqual(['db 203.0.113.9 5432', 'db 2001:db8::9 5432']);
    await rig.ask('PUT', `${URL}/db`, { addresses: ['203.0.113.10'], labels: { app: 'other' } });
    await rig.settled();
    expect(await places('named')).toEqual(['db:5433 203.0.113.10 5433']);
    expect(await places('selecting')).toEqual([]);
    await rig.ask('POST', URL, { ...DB, name: 'db-2' });
    await rig.settled();
    expect(await places('selecting')).toEqual(['db-2 203.0.113.9 5432', 'db-2 2001:db8::9 5432']);
    await rig.ask('DELETE', `${URL}/db`);
    await rig.settled();
    expect((await rig.ask('GET', '/v1/services/named')).body.status.unresolved).toEqual([
      'there is no container or workload "db"',
    ]);
  });
});

describe("a container's labels", () => {
  const container = { name: 'web-2', host: 'host-2', command: ['httpd'], labels: { app: 'web' } };

  it('are kept and shown, and another set of them is another container', async () => {
    const made = await rig.ask('POST', '/v1/containers', container);
    expect(made).toMatchObject({ status: 201, body: { labels: { app: 'web' } } });
    expect((await rig.ask('POST', '/v1/containers', container)).status).toBe(200);
    expect((await rig.ask('POST', '/v1/containers', { ...container, labels: {} })).status).toBe(409);
  });

  it('let services select it', async () => {
    await rig.ask('POST', '/v1/services', { name: 's', ports: [{ port: 80 }], selector: { app: 'web' } });
    const status = async () => (await rig.ask('GET', '/v1/services/s')).body.status;
    expect(await status()).toEqual({ endpoints: 0, ready: 0, unresolved: [] });
    await rig.ask('POST', '/v1/containers', container);
    await rig.settled();
    expect((await status()).unresolved).toEqual(['container "web-2" has not started on host-2 yet']);
    rig.store.put(keys.containerStatus('web-2'), {
      name: 'web-2',
      host: 'host-2',
      state: 'running',
      address: '10.10.2.2',
    });
    await rig.settled();
    expect(await status()).toEqual({ endpoints: 1, ready: 1, unresolved: [] });
    await rig.ask('DELETE', '/v1/containers/web-2');
    await rig.settled();
    expect(await status()).toEqual({ endpoints: 0, ready: 0, unresolved: [] });
  });

  it('that nobody ever could read take nothing from a service', async () => {
    await rig.ask('POST', '/v1/containers', container);
    const status = { name: 'web-2', host: 'host-2', state: 'running', address: '10.10.2.2' };
    rig.store.put(keys.containerStatus('web-2'), status);
    await rig.settled();
    await rig.ask('POST', '/v1/services', { name: 's', ports: [{ port: 80 }], selector: { app: 'web' } });
    rig.loop.stop();
    rig.store.put(keys.container('web-2'), '}{');
    rig.store.put(keys.workload('w'), { name: 'w', addresses: ['203.0.113.1'], labels: { app: 'web' } });
    const view = new View(rig.store);
    const loop = startEndpointLoop(rig.store, view, { debug: () => {}, warn: () => {} });
    await view.whole(1_000);
    await loop.idle();
    const set = JSON.parse(rig.store.dump()[keys.serviceEndpoints('s')] ?? '');
    expect(set.endpoints.map(({ ref }: { ref: string }) => ref)).toEqual(['web-2', 'w']);
    loop.stop();
    view.close();
  });
});
