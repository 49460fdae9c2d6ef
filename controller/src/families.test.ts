import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHost, host, type Rig, refused, startRig } from '../../test/support/controller.ts';

let rig: Rig;

const PORTS = [{ port: 80 }];

afterEach(() => rig.close());

describe('in a network of both families', () => {
  beforeEach(async () => {
    rig = await startRig({ wanted: { networkIpv6: 'fd00:10::/48' }, random: () => 0 });
    const ipv6 = { publicIp: 'fd00:122::11', network: 'fd00:122::/64', subnet: 'fd00:10:0:1::/64' };
    addHost(rig.store, { ...host(1), ipv6, addresses: [...host(1).addresses, 'fd00:77::1'] });
    rig.store.put(
      keys.containerStatus('web-1'),
      encode({
        name: 'web-1',
        host: 'host-1',
        state: 'running',
        address: '10.10.1.2',
        ipv6Address: 'fd00:10:0:1::2',
      }),
    );
    await rig.settled();
  });

  const make = async (overrides: object) => {
    const { status, body } = await rig.ask('POST', '/v1/services', { name: 'a', ports: PORTS, ...overrides });
    return { ...body, status };
  };

  it.each([
    [{}, ['10.96.1.0'], ['ipv4']],
    [{ families: ['ipv6'] }, ['fd00:10:96::100'], ['ipv6']],
    [{ families: ['ipv6', 'ipv4'] }, ['fd00:10:96::100', '10.96.1.0'], ['ipv6', 'ipv4']],
    [{ vip: ['auto', 'auto'] }, ['10.96.1.0', 'fd00:10:96::100'], ['ipv4', 'ipv6']],
    [{ vip: ['2.2.2.2', 'auto'] }, ['2.2.2.2', 'fd00:10:96::100'], ['ipv4', 'ipv6']],
    [{ vip: ['auto', '2.2.2.2'] }, ['fd00:10:96::100', '2.2.2.2'], ['ipv6', 'ipv4']],
    [{ vip: 'FD00:99:0::2' }, ['fd00:99::2'], ['ipv6']],
    [{ vip: ['fd00:99::2'], families: ['ipv6'] }, ['fd00:99::2'], ['ipv6']],
    [
      { vip: ['fd00:99::2', '2.2.2.2'], families: ['ipv4', 'ipv6'] },
      ['fd00:99::2', '2.2.2.2'],
      ['ipv6', 'ipv4'],
    ],
  ])('%j gets %j', async (input, vips, families) => {
    expect(await make(input)).toMatchObject({ status: 201, vips, families });
    const dump = rig.store.dump();
    for (const vip of vips) expect(dump[keys.vip(vip)]).toBe('a');
    expect(Object.keys(dump).filter((key) => key.startsWith(keys.vip('')))).toHaveLength(vips.length);
    await rig.ask('DELETE', '/v1/services/a');
    expect(Object.keys(rig.store.dump()).filter((key) => key.startsWith(keys.allocationPrefix))).toEqual([]);
  });

  it.each([
    [
      { vip: ['2.2.2.2', '3.3.3.3'] },
      'vip[1]',
      'vip[1] "3.3.3.3" is a second IPv4 address: a service has one VIP of each family',
    ],
    [
      { vip: ['2.2.2.2', 'none'] },
      'vip[1]',
      'vip[1] "none" is not an IPv4 address, an IPv6 address, "auto" or "none"',
    ],
    [
      { vip: ['2.2.2.2', 'auto'], families: ['ipv4'] },
      'vip[1]',
      'vip[1] "auto" is one VIP too many: there is one of each family that is served, ipv4',
    ],
    [
      { vip: '2.2.2.2', families: ['ipv4', 'ipv6'] },
      'families',
      'families ["ipv4","ipv6"] are not those of the VIPs, ipv4; "auto" beside a VIP asks for one of the other family',
    ],
    [{ vip: 'fd00:10::5' }, 'vip', 'vip "fd00:10::5" is inside the container network fd00:10::/48'],
    [
      { vip: 'fd00:122:0:0::9' },
      'vip',
      'vip "fd00:122:0:0::9" is inside fd00:122::/64, the network of host "host-1", where a machine may have it',
    ],
    [{ vip: 'fd00:77:0::1' }, 'vip', 'vip "fd00:77:0::1" is an address of host "host-1"'],
    [{ vip: 'fd00:122::11' }, 'vip', 'vip "fd00:122::11" is an address of host "host-1"'],
    [
      { endpoints: ['[fd00::2]:80'] },
      'endpoints[0]',
      'endpoints[0] "[fd00::2]:80" is of IPv6, and the service is served in IPv4 only: see "families"',
    ],
    [
      { families: ['ipv6'], endpoints: ['[fd00:10:96::5]:80'] },
      'endpoints[0]',
      'endpoints[0] "[fd00:10:96::5]:80" is inside the service range fd00:10:96::/112, where only VIPs are',
    ],
    [
      { families: ['ipv6'], endpoints: ['[fd00::2]:0'] },
      'endpoints[0]',
      'endpoints[0] "[fd00::2]:0" has the port "0", which is not a whole number from 1 to 65535',
    ],
    [
      { families: ['ipv6'], endpoints: ['[fd00::2'] },
      'endpoints[0]',
      'endpoints[0] "[fd00::2" is not an endpoint',
    ],
    [{ families: ['ipv6'], endpoints: ['fd00::2:80000'] }, 'endpoints[0]', 'is not an endpoint'],
    [{ families: ['ipv6'], endpoints: ['[fe80::1]:80'] }, 'endpoints[0]', 'is a link-local address'],
    [
      { sourceRanges: ['fd00::/8'] },
      'sourceRanges[0]',
      'sourceRanges[0] "fd00::/8" is of IPv6, and the service is served in IPv4 only',
    ],
    [
      { vip: 'auto', families: ['ipv4', 'ipv6'], sourceRanges: ['::ffff:0:0/96'] },
      'sourceRanges[0]',
      'sourceRanges[0] "::ffff:0:0/96" is IPv4 in the words of IPv6: write it as IPv4',
    ],
    [
      { sourceRanges: ['203.0.113.8'] },
      'sourceRanges[0]',
      'sourceRanges[0] "203.0.113.8" is not a network such as "203.0.113.0/24"; a single client is "203.0.113.8/32"',
    ],
    [
      { sourceRanges: ['10.0.0.0/8', '10.1.0.0/8'] },
      'sourceRanges[1]',
      'sourceRanges[1] "10.1.0.0/8" is that of sourceRanges[0] already',
    ],
  ])('%j is refused', async (overrides, field, detail) => {
    const answer = await refused(rig, 'POST', '/v1/services', { name: 'a', ports: PORTS, ...overrides });
    expect(answer).toMatchObject({ status: 422, field });
    expect(answer.detail).toContain(detail);
  });

  it('a VIP is taken in whatever form it is written', async () => {
    await make({ vip: 'fd00:99::2' });
    const answer = await refused(rig, 'POST', '/v1/services', {
      name: 'b',
      vip: 'fd00:99:0:0::2',
      ports: PORTS,
    });
    expect(answer).toMatchObject({ status: 409, field: 'vip' });
    expect(await make({ vip: 'fd00:99:0:0:0::2' })).toMatchObject({ status: 200 });
  });

  it('a service without a name is called by its first VIP', async () => {
    expect(await make({ name: undefined, vip: 'fd00:99::2' })).toMatchObject({
      name: 'svc-fd00-99--2-80',
      status: 201,
    });
    expect(await make({ name: undefined, vip: 'fd00:99:0::2' })).toMatchObject({ status: 200 });
    expect(await make({ name: undefined, families: ['ipv6'] })).toMatchObject({
      name: 'svc-fd00-10-96--100-80',
    });
  });

  it('a replaced service keeps the VIPs that are left open, and gives back a family that it leaves', async () => {
    const put = (body: object) => rig.ask('PUT', '/v1/services/a', { ports: PORTS, ...body });
    await make({ vip: ['2.2.2.2', 'auto'] });
    expect((await put({})).body.vips).toEqual(['2.2.2.2', 'fd00:10:96::100']);
    expect((await put({ families: ['ipv6'] })).body.vips).toEqual(['fd00:10:96::100']);
    expect((await put({ families: ['ipv6', 'ipv4'] })).body.vips).toEqual(['fd00:10:96::100', '10.96.1.0']);
    expect(
      Object.keys(rig.store.dump())
        .filter((key) => key.startsWith(keys.vip('')))
        .sort(),
    ).toEqual([keys.vip('10.96.1.0'), keys.vip('fd00:10:96::100')]);
  });

  it('a list of VIPs that leaves one open leaves the family of a service what it is', async () => {
    await make({ families: ['ipv6'] });
    const put = (body: object) => rig.ask('PUT', '/v1/services/a', { ports: PORTS, ...body });
    expect((await put({ vip: ['auto'] })).body.vips).toEqual(['fd00:10:96::100']);
    expect((await put({ vip: ['auto', '2.2.2.2'] })).body.vips).toEqual(['fd00:10:96::100', '2.2.2.2']);
    expect((await put({ vip: ['auto', 'auto'] })).body.vips).toEqual(['fd00:10:96::100', '2.2.2.2']);
  });

  it('endpoints have the addresses of the families that are served', async () => {
    const places = async () =>
      (await rig.ask('GET', '/v1/services/a/endpoints')).body.items.map(
        ({ address, port, node }: { address: string; port: number; node?: string }) => [address, port, node],
      );
    await make({ families: ['ipv4', 'ipv6'], endpoints: ['web-1:8080', '[fd00:10:0:2::9]:81', '10.10.2.9'] });
    expect(await places()).toEqual([
      ['10.10.1.2', 8080, 'host-1'],
      ['10.10.2.9', 80, 'host-2'],
      ['fd00:10:0:1::2', 8080, 'host-1'],
      ['fd00:10:0:2::9', 81, undefined],
    ]);
    expect((await rig.ask('GET', '/v1/services/a')).body.status.warnings).toEqual([
      '"[fd00:10:0:2::9]:81" is inside the container network fd00:10::/48, and no host has a subnet there',
    ]);
    await rig.ask('PUT', '/v1/services/a', { ports: PORTS, families: ['ipv6'], endpoints: ['web-1'] });
    expect(await places()).toEqual([['fd00:10:0:1::2', 80, 'host-1']]);
    await rig.ask('PUT', '/v1/services/a', {
      ports: PORTS,
      families: ['ipv4', 'ipv6'],
      endpoints: ['10.10.1.2'],
    });
    expect((await rig.ask('GET', '/v1/services/a')).body.status.warnings).toEqual([
      'no endpoint has an IPv6 address, and the service is served in it',
    ]);
  });
});

it('in a network of IPv6 alone a service is one of IPv6', async () => {
  rig = await startRig({ wanted: { network: 'none', networkIpv6: 'fd00:10::/48' }, random: () => 0 });
  const made = await rig.ask('POST', '/v1/services', { ports: PORTS });
  expect(made).toMatchObject({ status: 201, body: { vips: ['fd00:10:96::100'], families: ['ipv6'] } });
  const answer = await refused(rig, 'POST', '/v1/services', { vip: '2.2.2.2', ports: PORTS });
  expect(answer.detail).toBe('vip "2.2.2.2" cannot be served: the container network has no IPv4');
});

it('in a cluster without a range of IPv6 VIPs those must be chosen', async () => {
  rig = await startRig({ wanted: { networkIpv6: 'fd00:10::/48' } });
  rig.store.put(
    keys.settings,
    encode({ serviceRange: '10.96.0.0/16', nodePortMin: 30000, nodePortMax: 32767 }),
  );
  await rig.settled();
  const answer = await refused(rig, 'POST', '/v1/services', { families: ['ipv6'], ports: PORTS });
  expect(answer).toMatchObject({ status: 409, code: 'exhausted' });
  expect(answer.detail).toContain('the cluster has no service range of IPv6');
  const made = await rig.ask('POST', '/v1/services', { vip: 'fd00:99::2', ports: PORTS });
  expect(made.status).toBe(201);
});
