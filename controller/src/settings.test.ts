import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Rig, refused, startRig } from '../../test/support/controller.ts';
import { fakeStore } from '../../test/support/fake-store.ts';
import { ensureCluster, ignoredFlags, newCluster, type Wanted } from './bootstrap.ts';

const noWait = () => {
  throw new Error('nothing to wait for');
};

const MANY_CIDRS = Array.from({ length: 65 }, (_, n) => `10.${n}.0.0/16`);

describe('the settings of a new cluster', () => {
  it.each<[Wanted, string]>([
    [{ serviceRange: 'fd00::/112' }, 'service-range "fd00::/112" is not an IPv4 network of the form'],
    [
      { serviceRangeIpv6: '10.0.0.0/16' },
      'service-range-ipv6 "10.0.0.0/16" is not an IPv6 network of the form fd00:10:96::/112',
    ],
    [
      { serviceRangeIpv6: 'fe80::/64' },
      'service-range-ipv6 "fe80::/64" overlaps fe80::/10, where no VIP can be',
    ],
    [
      { serviceRangeIpv6: 'fd00::/125' },
      'service-range-ipv6 "fd00::/125" is too small: a /124 or larger is needed',
    ],
    [
      { networkIpv6: 'fd00:10::/48', serviceRangeIpv6: 'fd00:10:0:9::/112' },
      'service-range-ipv6 "fd00:10:0:9::/112" overlaps the container network fd00:10::/48',
    ],
    [
      { serviceRangeIpv6: 'fd00:10:96::/112', own: [{ flag: 'listen', address: 'fd00:10:96::5' }] },
      'service-range-ipv6 "fd00:10:96::/112" holds fd00:10:96::5, the address of --listen',
    ],
    [
      { nodePortCidrs: ['192.168.122.0/24', '10.0.0.5'] },
      'node-port-cidrs "10.0.0.5" is not a network such as 192.168.122.0/24 or fd00:122::/64',
    ],
  ])('%j is refused in one sentence', (wanted, sentence) => {
    expect(() => newCluster(wanted)).toThrow(sentence);
  });

  it('serves NodePorts in no more networks than hosts can have rules for', () => {
    expect(() => newCluster({ nodePortCidrs: MANY_CIDRS })).toThrow('has more than 64 networks');
  });

  it('has no range of IPv6 VIPs where nobody asked for one and containers are, or none was asked for', () => {
    const { settings } = newCluster({ networkIpv6: 'fd00:10::/32' });
    expect(settings.serviceRangeIpv6).toBeUndefined();
    expect(newCluster({ serviceRangeIpv6: 'none' }).settings.serviceRangeIpv6).toBeUndefined();
  });

  it('serves NodePorts where it was asked to', () => {
    const { settings } = newCluster({ nodePortCidrs: ['192.168.122.9/24', 'FD00::/64', '192.168.122.0/24'] });
    expect(settings.nodePortCidrs).toEqual(['192.168.122.0/24', 'fd00::/64']);
    expect(newCluster({ nodePortCidrs: [] }).settings.nodePortCidrs).toBeUndefined();
  });
});

describe('the settings of a cluster that exists', () => {
  it('hold, whatever the flags of its first day say now, and the flags that do not are told', async () => {
    const store = fakeStore();
    const wanted = { nodePortCidrs: ['192.168.122.0/24'], serviceRangeIpv6: 'none' };
    await ensureCluster(store, wanted, noWait);
    const before = store.dump();
    const same = { serviceRangeIpv6: 'none', nodePortCidrs: ['192.168.122.7/24'] };
    expect(ignoredFlags(same, await ensureCluster(store, same, noWait))).toEqual([]);
    const other: Wanted = {
      ...{ serviceRange: '10.97.0.0/16', serviceRangeIpv6: 'fd00:97::/112' },
      ...{ nodePorts: { min: 1, max: 9 }, nodePortCidrs: [] },
    };
    expect(ignoredFlags(other, await ensureCluster(store, other, noWait))).toEqual([
      '--service-range, --service-range-ipv6, --node-port-range, --node-port-cidrs: the cluster in etcd has another value, which holds; svcctl settings set changes it',
    ]);
    expect(store.dump()).toEqual(before);
  });
});

describe('/v1/settings', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig({ wanted: { networkIpv6: 'fd00:10::/48' }, random: () => 0 });
  });
  afterEach(() => rig.close());

  const set = (body: object, query = '', headers = {}) =>
    rig.ask('PATCH', `/v1/settings${query}`, body, headers);
  const shown = async () => (await rig.ask('GET', '/v1/settings')).body;
  const inEtcd = () => JSON.parse(rig.store.dump()[keys.settings] ?? '');
  const expose = (name: string, body: object = {}) =>
    rig.ask('POST', '/v1/services', { name, ports: [{ port: 80 }], ...body });

  it('shows them, and changes the parts that are named', async () => {
    const first = {
      ...{ serviceRange: '10.96.0.0/16', serviceRangeIpv6: 'fd00:10:96::/112', nodePortCidrs: [] },
      ...{ nodePortMin: 30000, nodePortMax: 32767, warnings: [], revision: expect.any(Number) },
    };
    expect(await shown()).toEqual(first);
    const cidrs = await set({ nodePortCidrs: ['192.168.122.9/24', '10.1.0.0/16'] });
    expect([cidrs.status, cidrs.headers['x-causeway-changed']]).toEqual([200, 'true']);
    expect(cidrs.body).toEqual({
      ...first,
      nodePortCidrs: ['192.168.122.0/24', '10.1.0.0/16'],
      warnings: ['no host has an address inside 10.1.0.0/16, so that NodePorts are served nowhere in it'],
    });
    expect(inEtcd().nodePortCidrs).toEqual(['192.168.122.0/24', '10.1.0.0/16']);
    await set({ nodePortCidrs: [], nodePortMin: 31000, serviceRangeIpv6: 'none' });
    const { serviceRangeIpv6: _none, ...rest } = first;
    expect(await shown()).toEqual({ ...rest, nodePortMin: 31000 });
    expect(inEtcd()).toEqual({ serviceRange: '10.96.0.0/16', nodePortMin: 31000, nodePortMax: 32767 });
    await set({ serviceRangeIpv6: 'fd00:97::/112' });
    expect((await expose('six', { families: ['ipv6'] })).body.vips).toEqual(['fd00:97::100']);
  });

  it('changes nothing on a dry run, when it is so already, or at another revision', async () => {
    const before = rig.store.dump();
    const dry = await set({ serviceRange: '10.97.0.0/16' }, '?dryRun');
    expect([dry.status, dry.body.serviceRange]).toEqual([200, '10.97.0.0/16']);
    const same = await set({ serviceRange: '10.96.3.3/16' });
    expect([same.status, same.headers['x-causeway-changed']]).toEqual([200, 'false']);
    expect((await set({ serviceRange: '10.97.0.0/16' }, '', { 'if-match': '"1"' })).status).toBe(412);
    expect(rig.store.dump()).toEqual(before);
  });

  it('starts over when somebody was faster', async () => {
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      rig.store.put(keys.settings, { ...inEtcd(), nodePortMax: 32000 });
    });
    expect((await set({ serviceRange: '10.97.0.0/16' })).status).toBe(200);
    expect(inEtcd()).toMatchObject({ serviceRange: '10.97.0.0/16', nodePortMax: 32000 });
  });

  /** Acts once, when the next transaction is under way. */
  const meanwhile = (act: () => Promise<unknown>) =>
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      await act();
    });

  it.each([
    ['a NodePort', { vip: 'none', ports: [{ port: 80, nodePort: 32000 }] }, 'tcp/32000'],
    ['a VIP', {}, '10.96.1.0'],
  ])('keeps %s that is given out while they are changed', async (_what, body, kept) => {
    const patch = { serviceRange: '10.97.0.0/16', nodePortMax: 31000 };
    meanwhile(() => expose('late', body));
    const { status, body: answer } = await set(patch);
    expect([status, answer.detail]).toEqual([409, expect.stringContaining(`leaves out ${kept}, the `)]);
    expect(inEtcd().nodePortMax).toBe(32767);
  });

  it('decides over a service that is written while they are changed', async () => {
    const change = () => set({ serviceRange: '10.97.0.0/16', nodePortMax: 31000 });
    meanwhile(change);
    expect(await expose('late', { ports: [{ port: 80, nodePort: 32000 }] })).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('32000') },
    });
    rig.store.put(keys.settings, { ...inEtcd(), serviceRange: '10.96.0.0/16' });
    await rig.settled();
    meanwhile(change);
    expect((await expose('given')).body.vips).toEqual(['10.97.1.0']);
  });

  it('changes where NodePorts are served while VIPs are given out', async () => {
    const services = ['a', 'b'];
    rig.store.beforeTransaction(async () => {
      const name = services.pop();
      if (name === undefined) return;
      rig.store.put(keys.vip(`10.96.9.${services.length}`), name);
      rig.store.put(keys.lastAllocation, name);
    });
    const written = rig.store.written;
    expect((await set({ nodePortCidrs: ['10.1.0.0/16'] })).status).toBe(200);
    expect(rig.store.written - written).toBe(3);
  });

  it('keeps the VIPs and NodePorts that were given out, and lets those that were chosen be anywhere', async () => {
    await expose('given', { vip: ['auto', 'auto'] });
    await expose('also');
    await expose('chosen', { vip: '2.2.2.2', ports: [{ port: 80, nodePort: 30001 }] });
    await rig.settled();
    const range = await refused(rig, 'PATCH', '/v1/settings', { serviceRange: '10.97.0.0/16' });
    expect(range).toMatchObject({ status: 409, field: 'serviceRange' });
    expect(range.detail).toBe(
      'serviceRange "10.97.0.0/16" leaves out 10.96.1.0, the VIP of service "given" (1 more VIPs as well): give that service another VIP first, or choose a range that holds it',
    );
    const none = await refused(rig, 'PATCH', '/v1/settings', { serviceRangeIpv6: 'none' });
    expect(none.detail).toContain('serviceRangeIpv6 "none" leaves out fd00:10:96::100, the VIP of service');
    const ports = await refused(rig, 'PATCH', '/v1/settings', { nodePortMin: 30002 });
    expect(ports.detail).toBe(
      'nodePortMin 30002 leaves out tcp/30001, the NodePort of service "chosen": give that port another one first',
    );
    expect((await set({ serviceRange: '10.96.0.0/20', nodePortMax: 30001 })).status).toBe(200);
    expect((await set({ serviceRange: '10.96.0.0/12' })).status).toBe(200);
  });

  it('serves NodePorts in no more networks than hosts can have rules for', async () => {
    const { field, detail } = await refused(rig, 'PATCH', '/v1/settings', { nodePortCidrs: MANY_CIDRS });
    expect([field, detail]).toEqual([
      'nodePortCidrs',
      expect.stringMatching(/^nodePortCidrs \["10.0.0.0\/16",.* has more than 64 networks$/),
    ]);
  });

  it('judges what it is asked to change, and nothing that was so already', async () => {
    rig.store.put(keys.networkConfig, { Network: '10.96.0.0/12', Backend: { Type: 'host-gw' } });
    rig.store.put(keys.nodePort('tcp', 20000), 'old');
    await rig.settled();
    expect((await set({ nodePortCidrs: ['192.168.122.0/24'], nodePortMax: 33000 })).status).toBe(200);
    const { detail } = await refused(rig, 'PATCH', '/v1/settings', { serviceRange: '10.97.0.0/16' });
    expect(detail).toContain('serviceRange "10.97.0.0/16" overlaps the container network 10.96.0.0/12');
  });

  it.each([
    [{ serviceRange: 'x' }, 'serviceRange "x" is not an IPv4 network of the form 10.96.0.0/16'],
    [{ serviceRange: 5 }, 'serviceRange 5 is not text such as "10.96.0.0/16"'],
    [{ serviceRange: '10.10.4.0/24' }, 'serviceRange "10.10.4.0/24" overlaps the container network'],
    [
      { serviceRange: '192.168.122.0/25' },
      'serviceRange "192.168.122.0/25" overlaps 192.168.122.0/24, the net',
    ],
    [{ serviceRange: '172.16.0.0/16' }, 'holds 172.16.1.1, an address of host "host-1"'],
    [{ serviceRange: '203.0.113.0/28' }, 'holds 203.0.113.9, the address of workload "db"'],
    [{ serviceRange: '198.51.100.0/24' }, 'holds 198.51.100.7, the address of an endpoint of service "far"'],
    [{ serviceRangeIpv6: 'fd00:10::/64' }, 'serviceRangeIpv6 "fd00:10::/64" overlaps the container network'],
    [{ nodePortCidrs: ['10.0.0.5'] }, 'nodePortCidrs "10.0.0.5" is not a network such as 192.168.122.0/24'],
    [{ nodePortMin: 0 }, 'nodePortMin 0 is not a port: a whole number from 1 to 65535 is needed'],
    [{ nodePortMax: 29999 }, 'nodePortMax 29999 leaves no NodePort: 30000 to 29999'],
    [{ serviceRanges: '10.0.0.0/8' }, 'serviceRanges'],
  ])('%j is refused in one sentence', async (body, sentence) => {
    await rig.ask('POST', '/v1/workloads', { name: 'db', addresses: ['203.0.113.9'] });
    await expose('far', { endpoints: ['198.51.100.7'] });
    await rig.settled();
    const answer = await refused(rig, 'PATCH', '/v1/settings', body);
    expect(answer.status).toBe(422);
    expect(answer.detail).toContain(sentence);
  });
});
