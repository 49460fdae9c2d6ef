import type { NodeEvent } from '@causeway/shared/model/event';
import type { NodeReport } from '@causeway/shared/model/node';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHost, host, type Rig, startRig } from '../../test/support/controller.ts';
import { View } from './view/view.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.close());

const ask = async () => (await rig.ask('GET', '/v1/status')).body;
const hostIn = (body: { hosts: { name: string }[] }, name: string) =>
  body.hosts.find((each) => each.name === name);
const lines = async (): Promise<string[]> =>
  (await rig.ask('GET', '/readyz?verbose')).body.trim().split('\n');

function report(name: string, changes: Partial<NodeReport> = {}): void {
  const all: NodeReport = {
    name,
    servicesRevision: 1_000_000,
    networkRevision: rig.view.newestChange('network'),
    appliedInMs: 4,
    at: '2026-01-01T00:00:00.000Z',
    peersWanted: 1,
    peersInstalled: 1,
    peers: [],
    problems: [],
    repairs: 0,
    ...changes,
  };
  rig.store.put(keys.report(name), all);
}

/** Both hosts on leases of their own, as their agents hold them. */
async function onLeases(): Promise<void> {
  for (const number of [1, 2]) {
    const { name, id } = host(number);
    const [alive, owned] = await Promise.all([rig.store.grantLease(10), rig.store.grantLease(86_400)]);
    await rig.store.transaction(
      [],
      [
        { put: keys.alive(name), value: JSON.stringify({ id, instance: 'one' }), lease: alive },
        { put: keys.node(name), value: JSON.stringify(host(number)), lease: owned },
      ],
    );
  }
}

beforeEach(async () => {
  await onLeases();
  await rig.settled();
  for (const name of ['host-1', 'host-2']) report(name);
  await rig.settled();
});

describe('/v1/status', () => {
  it('says of a healthy cluster that all is well, with the age of the last word and the lease left', async () => {
    const body = await ask();
    expect(body).toMatchObject({
      ready: true,
      faults: [],
      etcd: { ok: true },
      network: { ipv4: '10.10.0.0/16', backend: 'host-gw' },
      unreadable: [],
      degraded: [],
    });
    expect(hostIn(body, 'host-1')).toMatchObject({
      state: 'alive',
      alive: true,
      lastWordSeconds: expect.any(Number),
      leaseLeftSeconds: expect.any(Number),
      subnet: '10.10.1.0/24',
      lag: 0,
      peers: { wanted: 1, installed: 1, missing: [] },
      waiting: [],
    });
    const { leaseLeftSeconds, lastWordSeconds } = body.hosts[0];
    expect(leaseLeftSeconds).toBeGreaterThan(86_000);
    expect(lastWordSeconds).toBeLessThan(10);
    expect((await lines()).filter((line) => line.startsWith('[+]node'))).toEqual([
      expect.stringMatching(
        /^\[\+\]node host-1 alive, last word \d\.\d s ago, leases 10\.10\.1\.0\/24 for 2[34] h \d+ min more, peers 1 of 1 installed$/,
      ),
      expect.stringMatching(/^\[\+\]node host-2 alive/),
    ]);
  });

  it('tells a host that is cut off, since when, and how long its subnet stays its own', async () => {
    rig.store.remove(keys.alive('host-2'));
    await rig.settled();
    const body = await ask();
    expect(hostIn(body, 'host-2')).toMatchObject({
      state: 'dead',
      goneSeconds: expect.any(Number),
      leaseLeftSeconds: expect.any(Number),
    });
    expect(hostIn(body, 'host-2')).not.toHaveProperty('lastWordSeconds');
    expect(body.degraded).toEqual(['host-2 is not alive']);
    expect(await lines()).toContainEqual(
      expect.stringMatching(/^\[!\]node host-2 is not alive, since \d\.\d s, /),
    );
  });

  it("tells a host whose kernel does not hold the network's newest change yet", async () => {
    addHost(rig.store, host(3));
    await rig.settled();
    report('host-1');
    report('host-3');
    await rig.settled();
    const body = await ask();
    const revision = rig.view.newestChange('network');
    expect(hostIn(body, 'host-2')).toMatchObject({ pendingRevision: revision });
    expect(hostIn(body, 'host-1')).not.toHaveProperty('pendingRevision');
    expect(body.degraded).toEqual([`host-2 has not yet applied revision ${revision} of the network`]);
  });

  it('is no later than the network itself when something else is written', async () => {
    const before = rig.view.newestChange('network');
    rig.store.put('/elsewhere', 'x');
    rig.store.put(keys.container('web-1'), rig.store.dump()[keys.container('web-1')]);
    await rig.settled();
    expect(rig.view.newestChange('network')).toBe(before);
    expect((await ask()).degraded).toEqual([]);
    const fresh = new View(rig.store);
    await fresh.whole(1_000);
    expect(fresh.newestChange('network')).toBe(before);
    expect(fresh.revision('network')).toBeGreaterThan(before);
    fresh.close();
  });

  it('tells each peer that a host does not reach, and why', async () => {
    const peer = { subnet: '10.10.2.0/24', publicIp: '192.168.122.12', node: 'host-2' };
    const peers = [{ ...peer, state: 'failed' as const, reason: 'no route to host' }];
    report('host-1', { peersInstalled: 0, peers });
    await rig.settled();
    const body = await ask();
    expect(hostIn(body, 'host-1')).toMatchObject({ peers: { wanted: 1, installed: 0, missing: peers } });
    expect(body.degraded).toEqual([
      'host-1 does not reach 10.10.2.0/24 of host-2 (192.168.122.12): failed: no route to host',
    ]);
    expect(await lines()).toContain(
      '[!]peer 10.10.2.0/24 of host-2 (192.168.122.12) at host-1 failed: no route to host',
    );
  });

  it('tells a host that waits for a subnet, who has them, and what helps', async () => {
    rig.store.put(keys.networkConfig, {
      ...{ Network: '10.10.0.0/16', SubnetMin: '10.10.1.0', SubnetMax: '10.10.2.0' },
      Backend: { Type: 'host-gw' },
    });
    const { ipv4, ...rest } = host(3);
    addHost(rig.store, { ...rest, ipv4: { publicIp: '192.168.122.13', network: ipv4?.network ?? '' } });
    rig.store.remove(keys.alive('host-2'));
    await rig.settled();
    const sentence =
      'waits for an IPv4 subnet: all 2 of 10.10.0.0/16 are taken, 1 by hosts that are not alive (host-2): ' +
      'svcctl node release host-2 --lease gives one back';
    const body = await ask();
    expect(hostIn(body, 'host-3')).toMatchObject({ waiting: [sentence] });
    expect(body.degraded).toContain(`host-3 ${sentence}`);
    expect(await lines()).toContain(`[!]node host-3 ${sentence}`);
  });

  it('tells problems, silence, services behind, and services without anything that runs', async () => {
    rig.store.remove(keys.report('host-2'));
    report('host-1', { servicesRevision: 1, problems: ['the disk is full'] });
    await rig.ask('PUT', '/v1/services/web', { ports: [{ port: 88 }], endpoints: ['web-1'] });
    rig.store.remove(keys.containerStatus('web-1'));
    await rig.settled();
    expect((await ask()).degraded).toEqual([
      'host-1 is 2 changes behind',
      'host-1: the disk is full',
      'host-2 has not reported what its kernel holds',
      'none of service web’s targets runs',
    ]);
  });

  it('counts the events of the last hour, and no older ones', async () => {
    event({ sequence: 1, at: new Date(Date.now() - 2 * 3_600_000).toISOString() });
    event({ sequence: 2 });
    event({ sequence: 3, kind: 'restored', severity: 'info' });
    await rig.settled();
    const body = await ask();
    expect(body.events).toEqual({ warnings: 1, infos: 1, kinds: { fenced: 1, restored: 1 } });
    expect(hostIn(body, 'host-1')).toMatchObject({ events: body.events });
  });

  it('answers without etcd, with what was known last and what nobody knows', async () => {
    rig.store.fail('connection refused');
    const { status, body } = await rig.ask('GET', '/v1/status');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ready: false,
      etcd: { ok: false, reason: 'asking etcd: connection refused', lastWordSeconds: expect.any(Number) },
      degraded: [
        'the controller is not ready: etcd failed: asking etcd: connection refused',
        expect.stringMatching(/^the controller is not ready: watch failed/),
      ],
    });
    expect(hostIn(body, 'host-1')).toMatchObject({ state: 'unknown', alive: false, subnet: '10.10.1.0/24' });
    expect(await lines()).toContainEqual(
      expect.stringMatching(/^\[!\]node host-1 is not known of while etcd is away/),
    );
  });

  it('tells keys that cannot be read', async () => {
    rig.store.put(`${keys.subnetPrefix}garbage`, '{}');
    await rig.settled();
    const { unreadable, degraded } = await ask();
    expect(unreadable).toEqual([expect.stringContaining('subnets/garbage')]);
    expect(degraded).toEqual(expect.arrayContaining(unreadable));
  });

  it('asks etcd about every lease once, however many ask for the status at the same moment', async () => {
    let asked = 0;
    const { timeToLive } = rig.store;
    Object.assign(rig.store, {
      timeToLive: (id: string) => {
        asked++;
        return timeToLive(id);
      },
    });
    await Promise.all(Array.from({ length: 5 }, ask));
    expect(asked).toBe(4);
  });

  it('does not hang on an etcd that says nothing of leases', async () => {
    Object.assign(rig.store, { timeToLive: () => new Promise(() => {}) });
    const body = await ask();
    expect(hostIn(body, 'host-1')).toMatchObject({ state: 'alive' });
    expect(hostIn(body, 'host-1')).not.toHaveProperty('lastWordSeconds');
  });
});

function event(changes: Partial<NodeEvent>): void {
  const all: NodeEvent = {
    node: 'host-1',
    sequence: 1,
    at: new Date().toISOString(),
    kind: 'fenced',
    severity: 'warning',
    message: 'the lease of 10.10.1.0/24 is gone',
    ...changes,
  };
  rig.store.put(keys.event(all.node, all.sequence % 64), all);
}
