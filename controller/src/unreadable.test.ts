import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHost, host, type Rig, startRig, WEB_1 } from '../../test/support/controller.ts';
import { fakeStore } from '../../test/support/fake-store.ts';
import { startController } from './controller.ts';
import { startEndpointLoop } from './endpoints/loop.ts';
import { View } from './view/view.ts';

const SETTINGS = { serviceRange: '10.96.0.0/16', nodePortMin: 30000, nodePortMax: 32767 };
const CONFIG = { Network: '10.10.0.0/16', Backend: { Type: 'host-gw' } };

describe('a controller that starts on an unreadable configuration', () => {
  it.each([
    [keys.networkConfig, CONFIG],
    [keys.settings, SETTINGS],
  ])('%s stays, says why, and goes on when it is repaired', async (key, good) => {
    const store = fakeStore();
    store.put(key, '}{');
    const logger = pino({ level: 'silent' });
    const listen = { host: '127.0.0.1', port: 0 };
    const controller = await startController({ store, wanted: {}, listen, logger });
    try {
      const get = (path: string) => fetch(`${controller.url}${path}`);
      const refused = await get('/v1/services');
      expect(refused.status).toBe(503);
      expect(refused.headers.get('content-type')).toContain('application/problem+json');
      expect(await refused.json()).toMatchObject({
        code: 'unreadable',
        detail: expect.stringContaining(`reading etcd key ${key}: its value "}{" is not JSON`),
      });
      expect((await get('/livez')).status).toBe(200);
      const ready = await get('/readyz');
      expect(ready.status).toBe(503);
      expect(await ready.text()).toContain(`[-]network configuration: reading etcd key ${key}: `);
      store.put(key, good);
      await controller.ready;
      expect((await get('/v1/services')).status).toBe(200);
      expect(await (await get('/readyz')).text()).toBe('ok\n');
    } finally {
      await controller.close();
    }
  });
});

describe('a running controller', () => {
  let rig: Rig;

  beforeEach(async () => {
    rig = await startRig();
    await rig.ask('PUT', '/v1/services/a', { ports: [{ port: 80 }], endpoints: ['web-1'] });
    await rig.settled();
  });

  afterEach(() => rig.close());

  it.each([keys.networkConfig, keys.settings])('goes on with the last readable value of %s', async (key) => {
    rig.store.put(key, '}{');
    await rig.settled();
    expect((await rig.ask('PUT', '/v1/services/b', { ports: [{ port: 80 }] })).status).toBe(201);
    const { status, body } = await rig.ask('GET', '/readyz');
    expect(status).toBe(200);
    expect(body).toMatch(new RegExp(`\\[!\\]reading etcd key ${key}: .*; its last readable value holds\\n`));
    rig.store.remove(key);
    await rig.settled();
    expect((await rig.ask('GET', '/readyz')).body).toContain('[-]network configuration is not in etcd');
  });

  it.each([keys.serviceSpec('a'), keys.container('web-1'), keys.containerStatus('web-1')])(
    'shows what it knew of %s, and writes nothing',
    async (key) => {
      const known = (await rig.ask('GET', '/v1/services/a')).body;
      rig.store.put(key, '}{');
      const before = rig.store.dump();
      addHost(rig.store, host(3));
      rig.store.remove(keys.subnet({ ipv4: '10.10.3.0/24' }));
      await rig.settled();
      expect((await rig.ask('GET', '/v1/services/a')).body).toEqual(known);
      expect((await rig.ask('GET', '/v1/services')).body.items).toEqual([known]);
      expect(rig.store.dump()).toMatchObject(before);
      expect((await rig.ask('GET', '/readyz?verbose')).body).toContain(`[!]reading etcd key ${key}: `);
    },
  );

  it('forgets a service whose unreadable key is removed', async () => {
    rig.store.put(keys.serviceSpec('a'), '}{');
    await rig.settled();
    rig.store.remove(keys.serviceSpec('a'));
    await rig.settled();
    expect((await rig.ask('GET', '/v1/services')).body.items).toEqual([]);
  });

  it('says which ranges a host that joined later is in', async () => {
    const ipv4 = { publicIp: '10.96.4.3', network: '10.96.4.0/24', subnet: '10.10.3.0/24' };
    addHost(rig.store, { ...host(3), ipv4 });
    await rig.settled();
    expect((await rig.ask('GET', '/readyz?verbose')).body).toContain(
      '[!]service-range "10.96.0.0/16" overlaps 10.96.4.0/24, the network of host "host-3"',
    );
  });

  it('that never could read a container leaves alone where its service leads', async () => {
    rig.loop.stop();
    rig.store.put(keys.container('web-1'), '}{');
    const before = rig.store.dump();
    const view = new View(rig.store);
    const loop = startEndpointLoop(rig.store, view, { debug: () => {}, warn: () => {} });
    await view.whole(1_000);
    await loop.idle();
    expect(rig.store.dump()).toEqual(before);
    rig.store.remove(keys.container('web-1'));
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    await loop.idle();
    expect(rig.store.dump()[keys.serviceEndpoints('a')]).toContain('there is no container');
    rig.store.put(keys.container('web-1'), encode(WEB_1));
    loop.stop();
    view.close();
  });
});
