import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHost, host, type Rig, refused, startRig } from '../../test/support/controller.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.close());

const act = (name: string, verb: string, body?: object) => rig.ask('POST', `/v1/nodes/${name}/${verb}`, body);
const stored = (key: string) => JSON.parse(rig.store.dump()[key] ?? 'null');

describe('reserving', () => {
  it('binds what a host leases to its name, once', async () => {
    const first = await act('host-1', 'reserve');
    expect(first).toMatchObject({
      status: 200,
      body: { name: 'host-1', reservations: ['10.10.1.0/24'], changed: true, warnings: [] },
    });
    expect(stored(keys.reservation('10.10.1.0/24'))).toEqual({ subnet: '10.10.1.0/24', node: 'host-1' });
    expect((await act('host-1', 'reserve')).body).toMatchObject({ changed: false });
    expect((await rig.ask('GET', '/v1/nodes/host-1')).body.reservations).toEqual(['10.10.1.0/24']);
    expect((await rig.ask('GET', '/v1/reservations')).body.items).toMatchObject([{ node: 'host-1' }]);
  });

  it('exchanges the subnet in use only when that is asked for, and says what it means', async () => {
    const told =
      'its containers get other addresses while they run: connections break, and what listens on an address';
    const answer = await refused(rig, 'POST', '/v1/nodes/host-1/reserve', { subnet: '10.10.9.0/24' });
    expect(answer).toMatchObject({ status: 409, field: 'renumber' });
    expect(answer.detail).toContain(
      'subnet "10.10.9.0/24" is not what host "host-1" uses, 10.10.1.0/24: when its agent',
    );
    expect(answer.detail).toContain(`${told} by name must be restarted`);
    expect(answer.detail).toContain('ask for it with --renumber');
    const { body } = await act('host-1', 'reserve', { subnet: '10.10.9.0/24', renumber: true });
    expect(body.warnings).toEqual([
      expect.stringContaining(
        'host "host-1" goes on with 10.10.1.0/24 until its agent is started anew; then it takes 10.10.9.0/24, and its',
      ),
    ]);
    expect(stored(keys.reservation('10.10.9.0/24'))).toEqual({ subnet: '10.10.9.0/24', node: 'host-1' });
  });

  it('binds a subnet to a host that has not joined yet, when that is said', async () => {
    const { status, body } = await act('host-9', 'reserve', { subnet: '10.10.9.0/24', ahead: true });
    expect([status, body.reservations]).toEqual([200, ['10.10.9.0/24']]);
    expect((await act('host-9', 'release')).body).toMatchObject({ reservations: [], changed: true });
  });

  it('changes nothing in a dry run, and says what would be', async () => {
    const before = rig.store.dump();
    const { body } = await rig.ask('POST', '/v1/nodes/host-1/reserve?dryRun=true', {});
    expect(body).toMatchObject({ reservations: ['10.10.1.0/24'], changed: true });
    expect(rig.store.dump()).toEqual(before);
  });

  it.each([
    ['host-9', { subnet: '10.10.9.0/24' }, 404, 'name', 'there is no host "host-9"'],
    ['Host_1', {}, 404, 'name', 'there is no host "Host_1"'],
    ['Host_1', { subnet: '10.10.9.0/24', ahead: true }, 422, 'name', 'name "Host_1" is not a name'],
    ['host-1', { subnet: '10.20.9.0/24' }, 422, 'subnet', 'is not inside the container network 10.10.0.0/16'],
    ['host-1', { subnet: '10.10.9.0/25' }, 422, 'subnet', 'is not a /24, as all hosts'],
    [
      'host-1',
      { subnet: '10.10.9.7/24' },
      422,
      'subnet',
      'is not the first address of a subnet: 10.10.9.0/24 is',
    ],
    [
      'host-1',
      { subnet: '10.10.0.0/24' },
      422,
      'subnet',
      'is outside of what is leased, 10.10.1.0 to 10.10.255.0',
    ],
    ['host-1', { subnet: '10.10.9.0' }, 422, 'subnet', 'is not an IPv4 subnet such as 10.10.5.0/24'],
    ['host-1', { subnet: 'fd00::/64' }, 422, 'subnet', 'is not an IPv4 subnet such as 10.10.5.0/24'],
    ['host-1', { subnetIpv6: 'fd00:10:0:5::/64' }, 422, 'subnetIpv6', 'cannot be: the network has no IPv6'],
    ['host-1', { subnet: 7 }, 422, 'subnet', 'is not text: a subnet such as'],
    ['host-1', { net: 'x' }, 422, 'net', 'is not a known field'],
    ['host-1', { subnet: '10.10.2.0/24' }, 409, 'subnet', 'is leased by host "host-2"'],
  ])('%s %j is refused', async (name, body, status, field, sentence) => {
    const answer = await refused(rig, 'POST', `/v1/nodes/${name}/reserve`, body);
    expect(answer).toMatchObject({ status, field, detail: expect.stringContaining(sentence) });
  });

  it('refuses what somebody else leases, claims or has reserved', async () => {
    const flannel = JSON.stringify({ PublicIP: '192.168.122.50', BackendType: 'host-gw' });
    rig.store.put(`${keys.subnetPrefix}10.10.7.0-24&fd00:10:0:7::-64`, flannel);
    rig.store.put(keys.claim('10.10.8.0/24'), 'id-8');
    rig.store.put(keys.reservation('10.10.9.0/24'), { subnet: '10.10.9.0/24', node: 'host-9' });
    const detail = async (subnet: string) =>
      (await refused(rig, 'POST', '/v1/nodes/host-1/reserve', { subnet })).detail;
    expect(await detail('10.10.7.0/24')).toContain('is leased by the flannel host 192.168.122.50');
    expect(await detail('10.10.8.0/24')).toContain('is claimed by the host of id "id-8"');
    expect(await detail('10.10.9.0/24')).toContain('is reserved for host "host-9"');
  });

  it('refuses a subnet of which nobody can read whose it is', async () => {
    rig.store.put(keys.reservation('10.10.9.0/24'), '}{');
    const answer = await refused(rig, 'POST', '/v1/nodes/host-1/reserve', { subnet: '10.10.9.0/24' });
    expect(answer).toMatchObject({ status: 409, field: 'subnet' });
    expect(answer.detail).toContain('subnet "10.10.9.0/24" may be another host\'s: reading etcd key');
  });

  it('refuses a second subnet of one family', async () => {
    await act('host-1', 'reserve');
    const { detail } = await refused(rig, 'POST', '/v1/nodes/host-1/reserve', { subnet: '10.10.9.0/24' });
    expect(detail).toContain(
      'is not the IPv4 subnet that host "host-1" has reserved, 10.10.1.0/24: release that',
    );
  });

  it('refuses a host that leases nothing to say of', async () => {
    const { ipv4, ...rest } = host(3);
    addHost(rig.store, { ...rest, ipv4: { publicIp: '192.168.122.13', network: ipv4?.network ?? '' } });
    await rig.settled();
    const { status, detail } = await refused(rig, 'POST', '/v1/nodes/host-3/reserve', {});
    expect([status, detail]).toEqual([409, 'host "host-3" leases no subnet: name the one to reserve']);
  });

  it('starts over when the subnet is claimed in the middle, and is refused then', async () => {
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      rig.store.put(keys.claim('10.10.9.0/24'), 'id-9');
    });
    const { status, body } = await act('host-1', 'reserve', { subnet: '10.10.9.0/24', renumber: true });
    expect([status, body.detail]).toEqual([409, 'subnet "10.10.9.0/24" is claimed by the host of id "id-9"']);
    expect(rig.store.dump()).not.toHaveProperty([keys.reservation('10.10.9.0/24')]);
  });
});

describe('releasing', () => {
  it('lets go of reservations and of nothing else', async () => {
    await act('host-1', 'reserve');
    expect((await act('host-1', 'release')).body).toMatchObject({ reservations: [], changed: true });
    expect((await act('host-1', 'release')).body).toMatchObject({ changed: false });
    expect(rig.store.dump()).toHaveProperty([keys.claim('10.10.1.0/24')]);
  });

  it('with the lease refuses a host that is alive, and forgets one that is not', async () => {
    const answer = await refused(rig, 'POST', '/v1/nodes/host-2/release', { lease: true });
    expect(answer).toMatchObject({ status: 409, field: 'name' });
    expect(answer.detail).toContain('host "host-2" is alive and would take its subnet again');
    rig.store.remove(keys.alive('host-2'));
    await rig.settled();
    expect((await act('host-2', 'release', { lease: true })).status).toBe(200);
    const left = rig.store.dump();
    for (const key of [
      keys.claim('10.10.2.0/24'),
      keys.node('host-2'),
      keys.subnet({ ipv4: '10.10.2.0/24' }),
    ])
      expect(left).not.toHaveProperty([key]);
    expect(left).toHaveProperty([keys.claim('10.10.1.0/24')]);
    const exchange = { subnet: '10.10.2.0/24', renumber: true };
    expect((await act('host-1', 'reserve', exchange)).status).toBe(200);
  });

  it('forgets the old name of a host that was renamed, and leaves it what it leases', async () => {
    rig.store.remove(keys.alive('host-2'));
    rig.store.put(keys.alive('host-2b'), { id: 'id-2', instance: 'two' });
    rig.store.put(keys.node('host-2b'), { ...host(2), name: 'host-2b' });
    await rig.settled();
    expect((await act('host-2', 'release', { lease: true })).status).toBe(200);
    const left = rig.store.dump();
    expect(left).not.toHaveProperty([keys.node('host-2')]);
    for (const key of [
      keys.claim('10.10.2.0/24'),
      keys.subnet({ ipv4: '10.10.2.0/24' }),
      keys.node('host-2b'),
    ])
      expect(left).toHaveProperty([key]);
  });

  it('takes nothing from a host that comes back in the middle under another name', async () => {
    rig.store.remove(keys.alive('host-2'));
    await rig.settled();
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      rig.store.put(keys.identity('id-2'), { name: 'host-2b', instance: 'two', addresses: [] });
      rig.store.put(keys.alive('host-2b'), { id: 'id-2', instance: 'two' });
    });
    await act('host-2', 'release', { lease: true });
    expect(rig.store.dump()).toHaveProperty([keys.claim('10.10.2.0/24')]);
  });

  it('takes nothing from a host that comes back in the middle', async () => {
    rig.store.remove(keys.alive('host-2'));
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      rig.store.put(keys.alive('host-2'), { id: 'id-2', instance: 'two' });
    });
    expect((await act('host-2', 'release', { lease: true })).status).toBe(409);
    expect(rig.store.dump()).toHaveProperty([keys.claim('10.10.2.0/24')]);
  });

  it('knows no host that never was', async () => {
    expect(await refused(rig, 'POST', '/v1/nodes/host-9/release', {})).toMatchObject({ status: 404 });
  });
});

const service = async (endpoints: string[]) => {
  await rig.ask('PUT', '/v1/services/web', { vip: '2.2.2.2', ports: [{ port: 88 }], endpoints });
  await rig.settled();
};
const shown = async () => (await rig.ask('GET', '/v1/services/web/endpoints')).body;

describe('cordoning and draining', () => {
  const container = { name: 'web-9', host: 'host-1', command: ['httpd'] };

  it('keeps new containers off a host, and says why', async () => {
    expect((await act('host-1', 'cordon')).body).toMatchObject({ cordoned: true, drained: false });
    expect(await refused(rig, 'POST', '/v1/containers', container)).toMatchObject({
      status: 409,
      field: 'host',
      detail: 'host "host-1" is cordoned: it takes no new containers until "svcctl node uncordon host-1"',
    });
    const same = { name: 'web-1', host: 'host-1', command: ['httpd'] };
    expect((await rig.ask('POST', '/v1/containers', same)).status).toBe(200);
    expect((await act('host-1', 'uncordon')).body).toMatchObject({ cordoned: false, changed: true });
    expect(rig.store.dump()).not.toHaveProperty([keys.nodePolicy('host-1')]);
    expect((await rig.ask('POST', '/v1/containers', container)).status).toBe(201);
  });

  it('places no container on a host that is cordoned in the middle', async () => {
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      rig.store.put(keys.nodePolicy('host-1'), { name: 'host-1', cordoned: true, drained: false });
    });
    expect((await rig.ask('POST', '/v1/containers', container)).status).toBe(409);
  });

  it("takes a host's endpoints out of the services before it answers, and brings them back", async () => {
    await service(['web-1:1', '10.10.1.9:2', '10.10.2.9:3']);
    const { body } = await act('host-1', 'drain');
    expect(body).toMatchObject({ cordoned: true, drained: true });
    const drained = await shown();
    expect(drained.items).toMatchObject([{ address: '10.10.2.9' }]);
    expect(drained.unresolved).toEqual([
      '"web-1" is on host-1, which is drained',
      '"10.10.1.9:2" is on host-1, which is drained',
    ]);
    expect(body.servicesRevision).toBe(drained.items[0].revision);
    expect((await act('host-1', 'cordon')).body).toMatchObject({ drained: true, changed: false });
    const back = (await act('host-1', 'uncordon')).body;
    expect((await shown()).items).toHaveLength(3);
    expect(back.servicesRevision).toBe((await shown()).items[0].revision);
  });

  it('shows it of the host, and watchers hear of it', async () => {
    await act('host-2', 'drain');
    expect((await rig.ask('GET', '/v1/nodes/host-2')).body).toMatchObject({ cordoned: true, drained: true });
  });

  it('writes over a policy that cannot be read', async () => {
    rig.store.put(keys.nodePolicy('host-1'), '}{');
    await rig.settled();
    expect((await act('host-1', 'uncordon')).body).toMatchObject({ changed: true });
    expect(rig.store.dump()).not.toHaveProperty([keys.nodePolicy('host-1')]);
  });

  it.each(['cordon', 'drain', 'uncordon'])('%s of an unknown host is a 404', async (verb) => {
    expect(await refused(rig, 'POST', `/v1/nodes/host-9/${verb}`, undefined)).toMatchObject({ status: 404 });
  });

  it('without etcd is a 503 with a sentence', async () => {
    rig.store.fail('connection refused');
    expect(await act('host-1', 'drain')).toMatchObject({ status: 503, body: { code: 'unreachable' } });
  });
});
