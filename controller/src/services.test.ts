import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from '../../test/support/controller.ts';

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

describe('making a service', () => {
  it('answers what it became, and the writer sees it at once', async () => {
    const made = await rig.ask('POST', '/v1/services', TWO);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      name: 'test-service1',
      vips: ['2.2.2.2'],
      families: ['ipv4'],
      ports: [{ name: '', protocol: 'tcp', port: 88, targetPort: 88, nodePort: 30001 }],
      endpoints: TWO.endpoints.map((to) => ({ to })),
      status: { endpoints: 2, ready: 2, unresolved: [] },
    });
    expect(made.headers).toMatchObject({
      etag: `"${made.body.revision}"`,
      'x-causeway-revision': String(made.body.revision),
      location: '/v1/services/test-service1',
    });
    const got = await rig.ask('GET', '/v1/services/test-service1');
    expect(got).toMatchObject({ status: 200, body: made.body, headers: { etag: made.headers.etag } });
    const listed = await rig.ask('GET', '/v1/services');
    expect(listed.body).toEqual({ items: [made.body], revision: made.body.revision });
  });

  it('writes spec, endpoints and allocations in one revision', async () => {
    const before = rig.store.written;
    await rig.ask('POST', '/v1/services', TWO);
    expect(rig.store.written).toBe(before + 1);
    const { items, revision } = await rig.store.list('/causeway/v1/');
    expect(items.filter((item) => item.modRevision === revision).map((item) => item.key)).toEqual([
      keys.nodePort('tcp', 30001),
      keys.vip('2.2.2.2'),
      keys.lastAllocation,
      keys.serviceEndpoints('test-service1'),
      keys.serviceSpec('test-service1'),
    ]);
  });

  it('leaves nothing behind when etcd fails in between', async () => {
    const before = rig.store.dump();
    rig.store.beforeTransaction(async () => {
      throw new Error('the machine is gone');
    });
    expect((await rig.ask('POST', '/v1/services', TWO)).status).toBe(500);
    expect(rig.store.dump()).toEqual(before);
  });

  it('needs nothing but a port', async () => {
    const { status, body } = await rig.ask('POST', '/v1/services', { ports: [{ port: 80 }] });
    expect(status).toBe(201);
    expect(body.vips).toEqual([expect.stringMatching(/^10\.96\./)]);
    expect(body.name).toBe(`svc-${body.vips[0].replaceAll('.', '-')}-80`);
    expect(body.status).toEqual({ endpoints: 0, ready: 0, unresolved: [] });
  });

  it('gives out NodePorts, and names a service without a VIP by its own', async () => {
    const input = { vip: 'none', ports: [{ port: 80 }, { port: 53, protocol: 'udp', nodePort: 'auto' }] };
    const { status, body } = await rig.ask('POST', '/v1/services', input);
    expect(status).toBe(201);
    expect(body).toMatchObject({ vips: [], families: ['ipv4'] });
    expect(body.ports.map((port: { name: string }) => port.name)).toEqual(['tcp-80', 'udp-53']);
    const { nodePort } = body.ports[1];
    expect(nodePort).toBeGreaterThanOrEqual(30086);
    expect(body.name).toBe(`svc-node-port-${nodePort}`);
    expect(rig.store.dump()[keys.nodePort('udp', nodePort)]).toBe(body.name);
  });

  it('twice the same changes nothing', async () => {
    const first = await rig.ask('POST', '/v1/services', TWO);
    const before = rig.store.dump();
    const again = await rig.ask('POST', '/v1/services', { ...TWO, endpoints: [...TWO.endpoints].reverse() });
    expect(again).toMatchObject({ status: 200, body: first.body });
    expect((await rig.ask('POST', '/v1/services', { ...TWO, name: undefined })).status).toBe(409);
    expect(rig.store.dump()).toEqual(before);
  });

  it('twice without a name finds the first by its VIP', async () => {
    const input = { vip: '3.3.3.3', ports: [{ port: 88 }] };
    const first = await rig.ask('POST', '/v1/services', input);
    expect(first.body.name).toBe('svc-3-3-3-3-88');
    expect(await rig.ask('POST', '/v1/services', input)).toMatchObject({ status: 200, body: first.body });
  });

  it('of a name that has another definition is a conflict', async () => {
    await rig.ask('POST', '/v1/services', TWO);
    const before = rig.store.dump();
    const other = await rig.ask('POST', '/v1/services', { ...TWO, ports: [{ port: 89 }] });
    expect(other).toMatchObject({ status: 409, body: { code: 'conflict', field: 'name' } });
    expect(rig.store.dump()).toEqual(before);
  });

  it('as a dry run answers what would be and writes nothing', async () => {
    const before = rig.store.dump();
    const dry = await rig.ask('POST', '/v1/services?dryRun=true', TWO);
    expect(dry).toMatchObject({
      status: 200,
      body: { name: 'test-service1', revision: 0, status: { endpoints: 2 } },
    });
    expect(await rig.ask('POST', '/v1/services?dryRun', { ...TWO, vip: '10.10.1.1' })).toMatchObject({
      status: 422,
    });
    expect(rig.store.dump()).toEqual(before);
  });

  it('says that everything is taken when it is', async () => {
    rig.store.put(
      keys.settings,
      encode({ serviceRange: '10.96.0.0/32', nodePortMin: 30000, nodePortMax: 30000 }),
    );
    await rig.settled();
    expect((await rig.ask('POST', '/v1/services', { ports: [{ port: 80, nodePort: 'auto' }] })).status).toBe(
      201,
    );
    const vip = await rig.ask('POST', '/v1/services', { ports: [{ port: 81 }] });
    expect(vip).toMatchObject({
      status: 409,
      body: {
        code: 'exhausted',
        detail: 'allocating a VIP: every address of the service range 10.96.0.0/32 is taken',
      },
    });
    const port = await rig.ask('POST', '/v1/services', {
      vip: '4.4.4.4',
      ports: [{ port: 81, nodePort: 'auto' }],
    });
    expect(port.body.detail).toBe('allocating a NodePort: every port of 30000-30000 is taken');
  });
});

describe('replacing a service', () => {
  it('makes it where there is none', async () => {
    expect(await rig.ask('PUT', '/v1/services/a', { ports: [{ port: 80 }] })).toMatchObject({
      status: 201,
      body: { name: 'a' },
    });
  });

  it('keeps what was allocated where the input leaves it open', async () => {
    const ports = [{ port: 80, nodePort: 'auto' }];
    const first = await rig.ask('PUT', '/v1/services/a', { ports });
    const again = await rig.ask('PUT', '/v1/services/a', { ports, endpoints: ['web-1'] });
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({
      vips: first.body.vips,
      ports: first.body.ports,
      createdAt: first.body.createdAt,
      status: { endpoints: 1 },
    });
    const same = await rig.ask('PUT', '/v1/services/a', { ports, endpoints: ['web-1'] });
    expect(same.body.revision).toBe(again.body.revision);
  });

  it('keeps no NodePort that another of its ports asks for by number', async () => {
    const put = (ports: object[]) => rig.ask('PUT', '/v1/services/web', { ports });
    await put([{ port: 80, nodePort: 30080 }]);
    const { status, body } = await put([
      { port: 80, nodePort: 'auto' },
      { port: 81, nodePort: 30080 },
    ]);
    expect([status, body.ports[1].nodePort]).toEqual([200, 30080]);
    expect(body.ports[0].nodePort).not.toBe(30080);
  });

  it('gives back what the new definition does not use', async () => {
    await rig.ask('POST', '/v1/services', TWO);
    const { status } = await rig.ask('PUT', '/v1/services/test-service1', {
      vip: '2.2.2.3',
      ports: [{ port: 88, nodePort: 30002 }],
    });
    expect(status).toBe(200);
    const allocated = Object.keys(rig.store.dump()).filter((key) => key.startsWith(keys.allocationPrefix));
    expect(allocated).toEqual([keys.nodePort('tcp', 30002), keys.vip('2.2.2.3')]);
  });
});

describe('removing a service', () => {
  it('removes its endpoints and allocations with it', async () => {
    const before = rig.store.dump();
    await rig.ask('POST', '/v1/services', TWO);
    const { status, body, headers } = await rig.ask('DELETE', '/v1/services/test-service1');
    expect(status).toBe(200);
    expect(body).toEqual({ name: 'test-service1', revision: Number(headers['x-causeway-revision']) });
    expect(rig.store.dump()).toEqual({ ...before, [keys.lastAllocation]: 'test-service1' });
    expect((await rig.ask('GET', '/v1/services/test-service1')).status).toBe(404);
  });

  it('as a dry run removes nothing', async () => {
    await rig.ask('POST', '/v1/services', TWO);
    const before = rig.store.dump();
    expect((await rig.ask('DELETE', '/v1/services/test-service1?dryRun=true')).status).toBe(200);
    expect(rig.store.dump()).toEqual(before);
  });

  it('works for one whose spec is not JSON, and gives back its VIP', async () => {
    await rig.ask('POST', '/v1/services', TWO);
    rig.store.put(keys.serviceSpec('test-service1'), 'not JSON');
    await rig.settled();
    expect((await rig.ask('GET', '/readyz?verbose')).body).toMatch(
      /\[!\]reading etcd key .*test-service1\/spec: /,
    );
    expect((await rig.ask('DELETE', '/v1/services/test-service1')).status).toBe(200);
    const left = Object.keys(rig.store.dump()).filter((key) => /services|allocations/.test(key));
    expect(left).toEqual([]);
  });
});

describe('If-Match', () => {
  it('lets a write pass only on what the caller saw', async () => {
    const { headers } = await rig.ask('POST', '/v1/services', TWO);
    const seen = { 'if-match': String(headers.etag) };
    const url = '/v1/services/test-service1';
    expect((await rig.ask('PUT', url, { ...TWO, endpoints: [] }, seen)).status).toBe(200);
    const before = rig.store.dump();
    for (const [method, body] of [
      ['PUT', TWO],
      ['DELETE', undefined],
    ] as const) {
      const late = await rig.ask(method, url, body, seen);
      expect(late).toMatchObject({ status: 412, body: { code: 'conflict', field: 'If-Match' } });
    }
    expect((await rig.ask('POST', `${url}/endpoints`, { to: 'web-1' }, seen)).status).toBe(412);
    expect(rig.store.dump()).toEqual(before);
    expect((await rig.ask('DELETE', url, undefined, { 'if-match': '*' })).status).toBe(200);
    expect((await rig.ask('PUT', url, TWO, { 'if-match': '*' })).status).toBe(412);
  });

  it('must be a revision', async () => {
    const answer = await rig.ask('DELETE', '/v1/services/a', undefined, { 'if-match': '"abc"' });
    expect(answer.body.detail).toBe('If-Match "\\"abc\\"" is not the revision of an object, such as "42"');
  });
});

describe('pages', () => {
  it('hold every service once, whatever comes or goes in between', async () => {
    for (const name of ['a', 'b', 'c', 'd'])
      await rig.ask('PUT', `/v1/services/${name}`, { ports: [{ port: 80 }] });
    const names: string[] = [];
    let next = '/v1/services?limit=2';
    while (next !== '') {
      const { body } = await rig.ask('GET', next);
      names.push(...body.items.map((item: { name: string }) => item.name));
      await rig.ask('DELETE', `/v1/services/${names.at(-1)}`);
      next = body.continue === undefined ? '' : `/v1/services?limit=2&continue=${body.continue}`;
    }
    expect(names).toEqual(['a', 'b', 'c', 'd']);
  });
});
