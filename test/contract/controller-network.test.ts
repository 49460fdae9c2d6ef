import { buildApp } from '@causeway/controller/app';
import { ensureCluster } from '@causeway/controller/bootstrap';
import type { App } from '@causeway/controller/deps';
import { startEndpointLoop } from '@causeway/controller/endpoints/loop';
import { View } from '@causeway/controller/view/view';
import type { NodeReport } from '@causeway/shared/model/node';
import { encode } from '@causeway/shared/store/codec';
import { encodeLease } from '@causeway/shared/store/codec-flannel';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, LeaseHandle, Store, Write } from '@causeway/shared/store/store';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { host } from '../support/controller.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';

/** Two controllers over one real etcd, and hosts as their agents write them. */
interface Controller {
  readonly store: Store;
  readonly view: View;
  readonly app: App;
  close(): Promise<void>;
}

let etcd: TestEtcd;
let controllers: readonly Controller[];
const HOSTS = [1, 2, 3];

beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd?.stop());

beforeEach(async () => {
  const store = openEtcdStore({ endpoints: [etcd.endpoint] });
  for (const prefix of [keys.networkPrefix, '/causeway/v1/']) {
    const { items } = await store.list(prefix);
    for (const { key } of items) await store.transaction([], [{ delete: key }]);
  }
  store.close();
  controllers = await Promise.all([startOne(), startOne()]);
  for (const number of HOSTS) await join(number);
});
afterEach(async () => {
  await Promise.all(controllers.map((controller) => controller.close()));
});

async function startOne(): Promise<Controller> {
  const store = openEtcdStore({ endpoints: [etcd.endpoint] });
  await ensureCluster(store, {}, () => {});
  const view = new View(store);
  await view.whole(5_000);
  const app = await buildApp({ store, view, patienceMs: 500 });
  const loop = startEndpointLoop(store, view, { debug: () => {}, warn: () => {} });
  return {
    store,
    view,
    app,
    close: async () => {
      loop.stop();
      await app.close();
      view.close();
      store.close();
    },
  };
}

function controller(index: number): Controller {
  const found = controllers[index % controllers.length];
  if (found === undefined) throw new Error('there is no controller');
  return found;
}

async function ask(index: number, method: 'GET' | 'POST' | 'PATCH', url: string, payload?: object) {
  const request = { method, url, ...(payload === undefined ? {} : { payload }) };
  const reply = await controller(index).app.inject(request);
  return { status: reply.statusCode, body: reply.json() };
}

/** A host's place, as its agent writes it: all of it in one transaction, guarded as an agent's. */
function placeOf(number: number, subnet = `10.10.${number}.0/24`, owned?: LeaseHandle): [Guard[], Write[]] {
  const { name, id, ipv4 } = host(number);
  const on = owned === undefined ? {} : { lease: owned };
  const publicIp = ipv4?.publicIp ?? '';
  const lease = encodeLease({ ipv4: { subnet, publicIp }, backendType: 'host-gw', node: { id, name } });
  return [
    [
      { key: keys.claim(subnet), absent: true },
      { key: keys.reservation(subnet), absent: true },
    ],
    [
      { put: keys.subnet({ ipv4: subnet }), value: lease, ...on },
      { put: keys.claim(subnet), value: id, ...on },
      { put: keys.node(name), value: encode(host(number)), ...on },
    ],
  ];
}

async function join(number: number): Promise<void> {
  const { store } = controller(0);
  const [guards, writes] = placeOf(number);
  const { name, id } = host(number);
  const alive = { put: keys.alive(name), value: encode({ id, instance: 'one' }) };
  const { ok, revision } = await store.transaction(guards, [...writes, alive]);
  expect(ok).toBe(true);
  await Promise.all(controllers.map(({ view }) => view.reached('causeway', revision, 5_000)));
}

async function stored(prefix: string): Promise<Record<string, string>> {
  const { items } = await controller(0).store.list(prefix);
  return Object.fromEntries(items.map(({ key, value }) => [key.slice(prefix.length), value]));
}

describe('reservations asked for at the same time', () => {
  it('of one subnet are one host’s', async () => {
    const answers = await Promise.all(
      HOSTS.map((number) =>
        ask(number, 'POST', `/v1/nodes/host-${number}/reserve`, { subnet: '10.10.9.0/24' }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    const winner = answers.find(({ status }) => status === 200)?.body.name;
    expect(JSON.parse((await stored(keys.reservationPrefix))['10.10.9.0-24'] ?? '')).toEqual({
      subnet: '10.10.9.0/24',
      node: winner,
    });
    for (const { status, body } of answers)
      if (status === 409) expect(body.detail).toContain(`is reserved for host "${winner}"`);
  });

  it('and a lease that is taken: the subnet is the one’s or the other’s, never both', async () => {
    for (let subnet = 20; subnet < 40; subnet++) {
      const text = `10.10.${subnet}.0/24`;
      const [guards, writes] = placeOf(3, text);
      const [answer, taken] = await Promise.all([
        ask(subnet, 'POST', `/v1/nodes/host-9${subnet}/reserve`, { subnet: text, ahead: true }),
        controller(subnet).store.transaction(guards, writes),
      ]);
      expect([answer.status, taken.ok]).toEqual(taken.ok ? [409, true] : [200, false]);
    }
  });

  it('of many hosts are all there', async () => {
    const answers = await Promise.all(HOSTS.map((n) => ask(n, 'POST', `/v1/nodes/host-${n}/reserve`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(Object.keys(await stored(keys.reservationPrefix))).toHaveLength(3);
  });

  it('and released leave one of both, whole', async () => {
    await ask(0, 'POST', '/v1/nodes/host-1/reserve');
    const answers = await Promise.all([
      ask(0, 'POST', '/v1/nodes/host-1/release'),
      ask(1, 'POST', '/v1/nodes/host-1/reserve'),
      ask(1, 'POST', '/v1/nodes/host-1/release'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

describe('a host that is given up', () => {
  it('comes back in the middle, and keeps all of its place', async () => {
    const { store } = controller(0);
    const { name, id } = host(2);
    await store.transaction([], [{ delete: keys.alive(name) }]);
    const [answer] = await Promise.all([
      ask(1, 'POST', `/v1/nodes/${name}/release`, { lease: true }),
      store.transaction([], [{ put: keys.alive(name), value: encode({ id, instance: 'two' }) }]),
    ]);
    const place = [
      (await stored(keys.claimPrefix))['10.10.2.0-24'],
      (await stored(keys.subnetPrefix))['10.10.2.0-24'],
      (await stored(keys.nodePrefix))[name],
    ].filter((value) => value !== undefined);
    expect(place).toHaveLength(answer.status === 200 ? 0 : 3);
    expect([200, 409]).toContain(answer.status);
  });

  it('is given up by two at once without harm', async () => {
    await controller(0).store.transaction([], [{ delete: keys.alive('host-2') }]);
    const answers = await Promise.all(
      [0, 1].map((n) => ask(n, 'POST', '/v1/nodes/host-2/release', { lease: true })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect(Object.keys(await stored(keys.subnetPrefix)).sort()).toEqual(['10.10.1.0-24', '10.10.3.0-24']);
  });
});

describe('the network changed at the same time', () => {
  it('has both changes, since each is planned from what the other left', async () => {
    const answers = await Promise.all([
      ask(0, 'PATCH', '/v1/network', { networkIpv6: 'fd00:10::/48' }),
      ask(1, 'PATCH', '/v1/network', { masquerade: false }),
      ask(0, 'PATCH', '/v1/network', { backend: 'vxlan' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const config = JSON.parse((await controller(0).store.get(keys.networkConfig))?.value ?? '');
    expect(config).toMatchObject({
      ...{ Network: '10.10.0.0/16', IPv6Network: 'fd00:10::/48', Masquerade: false },
      Backend: { Type: 'vxlan' },
    });
  });

  it('and confirmed: nobody confirms what he has not seen', async () => {
    const { store } = controller(0);
    const before = (await store.get(keys.networkConfig))?.value ?? '';
    const other = (network: string) => JSON.stringify({ Network: network, Backend: { Type: 'host-gw' } });
    const { revision } = await store.transaction(
      [],
      [
        { put: keys.acceptedNetwork, value: before },
        { put: keys.networkConfig, value: other('10.20.0.0/16') },
      ],
    );
    // The two keys come by two watches, in either order.
    const seenBy = ({ view }: Controller) => [
      view.reached('network', revision, 5_000),
      view.reached('causeway', revision, 5_000),
    ];
    expect(await Promise.all(controllers.flatMap(seenBy))).not.toContain(false);
    const seen = (await ask(0, 'GET', '/v1/network')).body.refused.config.fingerprint;
    const [confirmed] = await Promise.all([
      ask(0, 'POST', '/v1/network/confirm', { fingerprint: seen }),
      store.transaction([], [{ put: keys.networkConfig, value: other('10.30.0.0/16') }]),
    ]);
    const config = JSON.parse((await store.get(keys.networkConfig))?.value ?? '');
    expect([200, 409]).toContain(confirmed.status);
    // Written after the confirmation, or before it: it is confirmed in neither case.
    expect(config).toEqual(JSON.parse(other('10.30.0.0/16')));
  });
});

describe('the status', () => {
  it('has the age of the last word and the lease left from etcd’s own leases', async () => {
    const { store } = controller(0);
    const { name, id } = host(1);
    const [alive, owned] = await Promise.all([store.grantLease(10), store.grantLease(86_400)]);
    const [, writes] = placeOf(1, undefined, owned);
    const sign: Write = { put: keys.alive(name), value: encode({ id, instance: 'one' }), lease: alive };
    const { revision } = await store.transaction([], [...writes, sign]);
    await controller(0).view.reached('causeway', revision, 5_000);
    const hosts: { name: string; lastWordSeconds?: number; leaseLeftSeconds?: number }[] = (
      await ask(0, 'GET', '/v1/status')
    ).body.hosts;
    const found = hosts.find((each) => each.name === name);
    expect(found?.lastWordSeconds).toBeGreaterThanOrEqual(0);
    expect(found?.lastWordSeconds).toBeLessThan(10);
    expect(found?.leaseLeftSeconds).toBeGreaterThan(86_000);
    alive.release();
    owned.release();
  });

  it('is pending for exactly the hosts that have not reported the newest change', async () => {
    const { store, view } = controller(0);
    const [, writes] = placeOf(4);
    const { revision } = await store.transaction([], writes);
    await store.transaction([], [{ put: keys.report('host-1'), value: encode(report('host-1', revision)) }]);
    const last = await store.transaction(
      [],
      [{ put: keys.report('host-2'), value: encode(report('host-2', revision - 1)) }],
    );
    await view.reached('network', revision, 5_000);
    await view.reached('causeway', last.revision, 5_000);
    const { hosts } = (await ask(0, 'GET', '/v1/status')).body;
    const pending = hosts.map((each: { name: string; pendingRevision?: number }) => each.pendingRevision);
    expect(pending.slice(0, 2)).toEqual([undefined, revision]);
  });
});

function report(name: string, networkRevision: number): NodeReport {
  const counts = { servicesRevision: 0, appliedInMs: 1, peersWanted: 0, peersInstalled: 0, repairs: 0 };
  return { name, networkRevision, ...counts, at: new Date().toISOString(), peers: [], problems: [] };
}

describe('a prefix of its own', () => {
  it('keeps two clusters in one etcd apart', async () => {
    const prefix = '/other/network';
    const store = openEtcdStore({ endpoints: [etcd.endpoint], prefix });
    await ensureCluster(store, { network: '10.40.0.0/16', networkIpv6: 'fd00:40::/48' }, () => {});
    const view = new View(store);
    await view.whole(5_000);
    const app = await buildApp({ store, view });
    const get = async (url: string) => (await app.inject(url)).json();
    expect(await get('/v1/network')).toMatchObject({
      ipv4: { network: '10.40.0.0/16' },
      ipv6: { network: 'fd00:40::/48' },
    });
    expect((await get('/v1/nodes')).items).toEqual([]);
    const reserved = { subnet: '10.40.5.0/24', subnetIpv6: 'fd00:40:0:5::/64', ahead: true };
    await app.inject({ method: 'POST', url: '/v1/nodes/host-1/reserve', payload: reserved });
    expect((await get('/v1/reservations')).items).toHaveLength(2);
    expect(await stored(keys.reservationPrefix)).toEqual({});
    const own = await controller(0).store.list('/other/network/');
    expect(own.items.map(({ key }) => key)).toEqual(['/other/network/config']);
    await app.close();
    view.close();
    store.close();
  });
});

describe('while etcd is away', () => {
  it('every operation is a 503 with a sentence, and the status answers all the same', async () => {
    await etcd.freeze();
    const asked = [
      ask(0, 'POST', '/v1/nodes/host-1/reserve'),
      ask(0, 'POST', '/v1/nodes/host-1/release'),
      ask(0, 'POST', '/v1/nodes/host-1/drain'),
      ask(0, 'PATCH', '/v1/network', { backend: 'vxlan' }),
      ask(0, 'POST', '/v1/network/confirm'),
    ];
    const status = await ask(0, 'GET', '/v1/status');
    for (const answer of await Promise.all(asked)) {
      expect(answer.status).toBe(503);
      expect(answer.body.detail).toMatch(/^[^\n]+$/);
      expect(['unreachable', 'timeout']).toContain(answer.body.code);
    }
    expect(status.status).toBe(200);
    expect(status.body).toMatchObject({ ready: false, etcd: { ok: false } });
    expect(status.body.hosts[0]).toMatchObject({ name: 'host-1', state: 'unknown' });
    etcd.thaw();
    await Promise.all(controllers.map(({ view }) => view.whole(20_000)));
    // What was sent may have been written by then: it is the one or the other, never half.
    expect((await ask(0, 'POST', '/v1/nodes/host-1/reserve')).status).toBe(200);
  });
});
