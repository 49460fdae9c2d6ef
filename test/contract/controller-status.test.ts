import { buildApp } from '@causeway/controller/app';
import { ensureCluster } from '@causeway/controller/bootstrap';
import { View } from '@causeway/controller/view/view';
import type { NodeReport } from '@causeway/shared/model/node';
import { encode } from '@causeway/shared/store/codec';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { keys } from '@causeway/shared/store/keys';
import type { Write } from '@causeway/shared/store/store';
import { beforeEach, describe, expect, it } from 'vitest';
import { host } from '../support/controller.ts';
import { ask, join, placeOf } from '../support/controller-hosts.ts';
import { useControllers } from '../support/controllers.ts';

/** Two controllers over one real etcd, and hosts as their agents write them. */
const two = useControllers({ patienceMs: 500 });
const { stored } = two;
const HOSTS = [1, 2, 3];

beforeEach(async () => {
  for (const number of HOSTS) await join(two, number);
});

describe('the status', () => {
  it('has the age of the last word and the lease left from etcd’s own leases', async () => {
    const { store } = two.at(0);
    const { name, id } = host(1);
    const [alive, owned] = await Promise.all([store.grantLease(10), store.grantLease(86_400)]);
    const [, writes] = placeOf(1, undefined, owned);
    const sign: Write = { put: keys.alive(name), value: encode({ id, instance: 'one' }), lease: alive };
    const { revision } = await store.transaction([], [...writes, sign]);
    await two.at(0).view.reached('causeway', revision, 5_000);
    const hosts: { name: string; lastWordSeconds?: number; leaseLeftSeconds?: number }[] = (
      await ask(two, 0, 'GET', '/v1/status')
    ).body.hosts;
    const found = hosts.find((each) => each.name === name);
    expect(found?.lastWordSeconds).toBeGreaterThanOrEqual(0);
    expect(found?.lastWordSeconds).toBeLessThan(10);
    expect(found?.leaseLeftSeconds).toBeGreaterThan(86_000);
    alive.release();
    owned.release();
  });

  it('is pending for exactly the hosts that have not reported the newest change', async () => {
    const { store, view } = two.at(0);
    const [, writes] = placeOf(4);
    const { revision } = await store.transaction([], writes);
    await store.transaction([], [{ put: keys.report('host-1'), value: encode(report('host-1', revision)) }]);
    const last = await store.transaction(
      [],
      [{ put: keys.report('host-2'), value: encode(report('host-2', revision - 1)) }],
    );
    await view.reached('network', revision, 5_000);
    await view.reached('causeway', last.revision, 5_000);
    const { hosts } = (await ask(two, 0, 'GET', '/v1/status')).body;
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
    const store = openEtcdStore({ endpoints: [two.etcd.endpoint], prefix });
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
    const own = await two.at(0).store.list('/other/network/');
    expect(own.items.map(({ key }) => key)).toEqual(['/other/network/config']);
    await app.close();
    view.close();
    store.close();
  });
});

describe('while etcd is away', () => {
  it('every operation is a 503 with a sentence, and the status answers all the same', async () => {
    await two.etcd.freeze();
    const asked = [
      ask(two, 0, 'POST', '/v1/nodes/host-1/reserve'),
      ask(two, 0, 'POST', '/v1/nodes/host-1/release'),
      ask(two, 0, 'POST', '/v1/nodes/host-1/drain'),
      ask(two, 0, 'PATCH', '/v1/network', { backend: 'vxlan' }),
      ask(two, 0, 'POST', '/v1/network/confirm'),
    ];
    const status = await ask(two, 0, 'GET', '/v1/status');
    for (const answer of await Promise.all(asked)) {
      expect(answer.status).toBe(503);
      expect(answer.body.detail).toMatch(/^[^\n]+$/);
      expect(['unreachable', 'timeout']).toContain(answer.body.code);
    }
    expect(status.status).toBe(200);
    expect(status.body).toMatchObject({ ready: false, etcd: { ok: false } });
    expect(status.body.hosts[0]).toMatchObject({ name: 'host-1', state: 'unknown' });
    two.etcd.thaw();
    await Promise.all(two.all.map(({ view }) => view.whole(20_000)));
    // What was sent may have been written by then: it is the one or the other, never half.
    expect((await ask(two, 0, 'POST', '/v1/nodes/host-1/reserve')).status).toBe(200);
  });
});
