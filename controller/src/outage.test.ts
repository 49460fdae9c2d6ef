import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHost, host, type Rig, startRig } from '../../test/support/controller.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
});

afterEach(() => rig.close());

describe('while etcd is away', () => {
  it('reads and writes answer 503 and a sentence, and all is well again with etcd', async () => {
    await rig.ask('PUT', '/v1/services/a', { ports: [{ port: 80 }] });
    rig.store.fail('connect ECONNREFUSED 127.0.0.1:2379');
    for (const [method, url, body] of [
      ['GET', '/v1/services', undefined],
      ['GET', '/v1/nodes?watch=true', undefined],
      ['POST', '/v1/services', { ports: [{ port: 81 }] }],
      ['DELETE', '/v1/services/a', undefined],
    ] as const) {
      const answer = await rig.ask(method, url, body);
      expect(answer).toMatchObject({ status: 503, body: { code: 'unreachable', status: 503 } });
      expect(answer.body.detail).toContain('ECONNREFUSED');
      expect(answer.headers['content-type']).toContain('application/problem+json');
    }
    rig.store.recover();
    expect((await rig.ask('GET', '/v1/services')).body.items).toHaveLength(1);
  });

  it('a request waits a little, since etcd may be back at once', async () => {
    rig.store.fail('restarting');
    const answer = rig.ask('GET', '/v1/nodes');
    setImmediate(() => rig.store.recover());
    expect((await answer).status).toBe(200);
  });

  it('bad input is told all the same, and /livez answers', async () => {
    rig.store.fail('gone');
    expect((await rig.ask('POST', '/v1/services', { ports: [{ port: 0 }] })).status).toBe(422);
    expect(await rig.ask('GET', '/livez')).toMatchObject({ status: 200, body: 'ok\n' });
    expect((await rig.ask('GET', '/version')).status).toBe(200);
    expect((await rig.ask('GET', '/metrics')).body).toContain('causeway_etcd_connected 0');
  });

  it('changes of containers are made up for afterwards', async () => {
    await rig.ask('PUT', '/v1/services/a', { ports: [{ port: 80 }], endpoints: ['web-1'] });
    rig.store.fail('gone');
    rig.store.remove(keys.containerStatus('web-1'));
    rig.store.recover();
    await rig.settled();
    expect((await rig.ask('GET', '/v1/services/a')).body.status).toEqual({
      endpoints: 0,
      ready: 0,
      unresolved: ['container "web-1" has not started on host-1 yet'],
    });
  });
});

describe('/readyz', () => {
  it('says of each part whether it works', async () => {
    rig.store.remove(keys.alive('host-2'));
    rig.store.put(keys.node('host-3'), '{"name":');
    await rig.settled();
    expect((await rig.ask('GET', '/readyz')).body).toBe('ok\n');
    const { status, body } = await rig.ask('GET', '/readyz?verbose');
    expect(status).toBe(200);
    expect(body.trim().split('\n')).toEqual([
      expect.stringMatching(/^\[\+\]etcd ok, answered in \d+ ms$/),
      expect.stringMatching(/^\[\+\]watch ok, last word \d+\.\d s ago$/),
      '[+]network configuration ok, 10.10.0.0/16',
      expect.stringMatching(/^\[!\]reading etcd key \/causeway\/v1\/nodes\/host-3: .*is not JSON/),
      '[!]node host-1 alive, leases 10.10.1.0/24, no report yet',
      expect.stringMatching(
        /^\[!\]node host-2 is not alive, since 0\.\d s, leases 10\.10\.2\.0\/24, no report/,
      ),
      '[+]events in the last hour: none (0 warnings, 0 others)',
      'readyz check passed',
    ]);
  });

  it('fails without etcd', async () => {
    rig.store.fail('connect ECONNREFUSED');
    const { status, body } = await rig.ask('GET', '/readyz');
    expect(status).toBe(503);
    expect(body).toContain(
      '[-]etcd failed: asking etcd: connect ECONNREFUSED\n[-]watch failed: connect ECONNREFUSED',
    );
    expect(body).toContain('readyz check failed');
  });
});

describe('a key that is not what it should be', () => {
  it.each([
    ['not JSON', keys.serviceSpec('a'), '}{'],
    ['another thing', keys.serviceSpec('a'), '{"name":"a"}'],
    ["another's name", keys.node('host-2'), JSON.stringify(host(1))],
    ['not JSON', keys.subnet({ ipv4: '10.10.2.0/24' }), 'nonsense'],
    ['not JSON', keys.containerStatus('web-1'), ''],
  ])('%s at %s removes nothing else', async (_what, key, value) => {
    await rig.ask('PUT', '/v1/services/b', { ports: [{ port: 80 }] });
    rig.store.put(key, value);
    await rig.settled();
    expect([...rig.view.unreadable.keys()]).toEqual([key]);
    expect((await rig.ask('GET', '/v1/services')).body.items).toMatchObject([{ name: 'b' }]);
    expect((await rig.ask('GET', '/v1/nodes')).body.items[0]).toMatchObject({ name: 'host-1' });
    expect((await rig.ask('GET', '/v1/subnets')).body.items[0]).toMatchObject({
      subnet: '10.10.1.0/24',
      node: 'host-1',
    });
    rig.store.remove(key);
    await rig.settled();
    expect(rig.view.unreadable.size).toBe(0);
  });
});

describe('nodes and subnets', () => {
  it('are shown as their agents wrote them', async () => {
    const flannel = JSON.stringify({ PublicIP: '192.168.122.50', PublicIPv6: null, BackendType: 'host-gw' });
    rig.store.put(`${keys.subnetPrefix}10.10.9.0-24`, flannel);
    addHost(rig.store, host(3));
    await rig.settled();
    const { body } = await rig.ask('GET', '/v1/nodes/host-3');
    const { ipv4, ...record } = host(3);
    expect(body).toEqual({
      ...record,
      ...ipv4,
      alive: true,
      cordoned: false,
      drained: false,
      reservations: [],
      revision: expect.any(Number),
    });
    const subnets = (await rig.ask('GET', '/v1/subnets')).body.items;
    expect(subnets.at(-1)).toEqual({
      subnet: '10.10.9.0/24',
      publicIp: '192.168.122.50',
      backendType: 'host-gw',
      revision: expect.any(Number),
    });
  });

  it('a name that another agent took over is alive only by that one', async () => {
    rig.store.put(keys.alive('host-1'), { id: 'somebody-else', instance: 'x' });
    await rig.settled();
    expect((await rig.ask('GET', '/v1/nodes/host-1')).body.alive).toBe(false);
  });
});
