import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHost, host, type Rig, running, startRig } from '../../test/support/controller.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
});

afterEach(() => rig.close());

const TWO = {
  name: 'test-service1',
  vip: '2.2.2.2',
  ports: [{ port: 88, nodePort: 30001 }],
  endpoints: ['10.10.2.9:12345', 'web-1:12345'],
};

describe('endpoints', () => {
  const url = '/v1/services/test-service1/endpoints';

  beforeEach(() => rig.ask('POST', '/v1/services', { ...TWO, endpoints: [] }));

  it('are added and removed one by one', async () => {
    const added = await rig.ask('POST', url, { to: 'web-1:12345' });
    expect(added).toMatchObject({
      status: 200,
      body: { endpoints: [{ to: 'web-1:12345' }], status: { endpoints: 1, ready: 1 } },
    });
    const again = await rig.ask('POST', url, { to: 'web-1:12345' });
    expect(again).toMatchObject({ status: 200, body: added.body });
    await rig.ask('POST', url, { to: '10.10.2.9:1' });
    const listed = await rig.ask('GET', url);
    expect(listed.body).toMatchObject({
      unresolved: [],
      items: [
        { service: 'test-service1', address: '10.10.1.2', port: 12345, container: 'web-1', node: 'host-1' },
        { service: 'test-service1', address: '10.10.2.9', port: 1, node: 'host-2' },
      ],
    });
    expect((await rig.ask('GET', '/v1/endpoints')).body.items).toEqual(listed.body.items);
    const removed = await rig.ask('DELETE', `${url}/${encodeURIComponent('10.10.2.9:1')}`);
    expect(removed).toMatchObject({ status: 200, body: { endpoints: [{ to: 'web-1:12345' }] } });
  });

  it('where no host is are taken, with a warning that is gone as soon as one is', async () => {
    const { status, body } = await rig.ask('POST', url, { to: '10.10.3.9:80' });
    expect([status, body.status]).toEqual([
      200,
      {
        endpoints: 1,
        ready: 1,
        unresolved: [],
        warnings: [
          '"10.10.3.9:80" is inside the container network 10.10.0.0/16, and no host has a subnet there',
        ],
      },
    ]);
    await rig.ask('POST', url, { to: '203.0.113.8:80' });
    addHost(rig.store, host(3));
    await rig.settled();
    const shown = (await rig.ask('GET', '/v1/services/test-service1')).body.status;
    expect(shown).toEqual({ endpoints: 2, ready: 2, unresolved: [] });
  });

  it('are removed by where they lead, too', async () => {
    await rig.ask('POST', url, { to: 'web-1:12345' });
    const removed = await rig.ask('DELETE', `${url}/${encodeURIComponent('10.10.1.2:12345')}`);
    expect(removed).toMatchObject({ status: 200, body: { endpoints: [] } });
  });

  it('follow their containers', async () => {
    await rig.ask('POST', url, { to: 'web-1:12345' });
    rig.store.put(keys.containerStatus('web-1'), encode(running('web-1', 'host-1', '10.10.1.77')));
    await rig.settled();
    expect((await rig.ask('GET', url)).body.items).toMatchObject([{ address: '10.10.1.77' }]);
    await rig.ask('DELETE', '/v1/containers/web-1');
    await rig.settled();
    expect((await rig.ask('GET', url)).body).toMatchObject({
      items: [],
      unresolved: ['there is no container or workload "web-1"'],
    });
  });

  it('learn their host when it joins', async () => {
    await rig.ask('POST', url, { to: '10.10.3.5:1' });
    expect((await rig.ask('GET', url)).body.items[0].node).toBeUndefined();
    addHost(rig.store, host(3));
    await rig.settled();
    expect((await rig.ask('GET', url)).body.items[0].node).toBe('host-3');
  });

  it('are written only when they differ', async () => {
    await rig.ask('POST', url, { to: 'web-1:12345' });
    await rig.settled();
    const { written } = rig.store;
    rig.store.put(
      keys.containerStatus('web-1'),
      encode({ ...running('web-1', 'host-1', '10.10.1.2'), pid: 7 }),
    );
    await rig.settled();
    expect(rig.store.written).toBe(written + 1);
  });

  it('are mended when somebody else wrote something unreadable over them', async () => {
    await rig.ask('POST', url, { to: 'web-1:12345' });
    rig.store.put(keys.serviceEndpoints('test-service1'), '{"service":');
    await rig.settled();
    expect((await rig.ask('GET', url)).body.items).toHaveLength(1);
    expect(rig.view.unreadable.size).toBe(0);
  });
});

describe('a lost race', () => {
  it('for a VIP that was asked for is a conflict that names the winner', async () => {
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      rig.store.put(keys.vip('2.2.2.2'), 'winner');
    });
    const answer = await rig.ask('POST', '/v1/services', TWO);
    expect(answer).toMatchObject({ status: 409, body: { field: 'vip' } });
    expect(answer.body.detail).toContain('taken by service "winner"');
    expect(Object.keys(rig.store.dump()).filter((key) => key.includes('test-service1'))).toEqual([]);
  });

  it('for one that was not asked for takes another', async () => {
    await rig.close();
    rig = await startRig({ random: () => 0 });
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      rig.store.put(keys.vip('10.96.1.0'), 'winner');
      rig.store.put(keys.nodePort('tcp', 30086), 'winner');
    });
    const answer = await rig.ask('POST', '/v1/services', {
      name: 'a',
      ports: [{ port: 80, nodePort: 'auto' }],
    });
    expect(answer).toMatchObject({
      status: 201,
      body: { vips: ['10.96.1.1'], ports: [{ nodePort: 30087 }] },
    });
  });

  it('for a name finds the winner', async () => {
    const spec = {
      name: 'a',
      vips: ['9.9.9.9'],
      families: ['ipv4'],
      ports: [{ name: '', protocol: 'tcp', port: 80, targetPort: 80 }],
    };
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      rig.store.put(keys.serviceSpec('a'), { ...spec, endpoints: [], createdAt: '2026-01-01T00:00:00Z' });
    });
    const answer = await rig.ask('POST', '/v1/services', { name: 'a', ports: [{ port: 81 }] });
    expect(answer).toMatchObject({ status: 409, body: { field: 'name' } });
  });

  it('for a spec starts over from the newest one', async () => {
    await rig.ask('POST', '/v1/services', { ...TWO, endpoints: [] });
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      const key = keys.serviceSpec('test-service1');
      rig.store.put(key, { ...JSON.parse(rig.store.dump()[key] ?? ''), endpoints: [{ to: '10.10.2.9:1' }] });
    });
    const answer = await rig.ask('POST', '/v1/services/test-service1/endpoints', { to: 'web-1:1' });
    expect(answer.body.endpoints).toEqual([{ to: '10.10.2.9:1' }, { to: 'web-1:1' }]);
  });
});
