import { CausewayError } from '@causeway/shared/errors';
import { fingerprintOf } from '@causeway/shared/model/effective-config';
import { decodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Rig, refused, startRig } from '../../test/support/controller.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.close());

const set = (body: object, query = '') => rig.ask('PATCH', `/v1/network${query}`, body);
const network = async () => (await rig.ask('GET', '/v1/network')).body;
const inEtcd = () => JSON.parse(rig.store.dump()[keys.networkConfig] ?? '');

describe('the network', () => {
  it('is shown as hosts follow it, with how much of it is given away', async () => {
    await rig.ask('POST', '/v1/nodes/host-1/reserve');
    expect(await network()).toEqual({
      ipv4: {
        network: '10.10.0.0/16',
        subnetLen: 24,
        subnetMin: '10.10.1.0',
        subnetMax: '10.10.255.0',
        subnets: 255,
        leased: 2,
        reserved: 1,
      },
      backend: { type: 'host-gw', directRouting: true },
      masquerade: true,
      nonMasqueradeCidrs: [],
      fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/),
      warnings: [],
      revision: expect.any(Number),
    });
  });

  it('changes in the parts that are named', async () => {
    const { status, body, headers } = await set({
      networkIpv6: 'fd00:10::/48',
      backend: 'vxlan',
      directRouting: true,
      vni: 7,
      masquerade: false,
      nonMasqueradeCidrs: ['10.0.0.0/8'],
    });
    expect([status, headers['x-causeway-changed']]).toEqual([200, 'true']);
    expect(body).toMatchObject({
      ipv4: { network: '10.10.0.0/16' },
      ipv6: { network: 'fd00:10::/48', subnetLen: 64, subnetMin: 'fd00:10:0:1::' },
      backend: { type: 'vxlan', directRouting: true, tunnel: { vni: 7, port: 8472 } },
      masquerade: false,
      nonMasqueradeCidrs: ['10.0.0.0/8'],
    });
    expect((await set({ port: 4789 })).body.backend.tunnel).toMatchObject({ vni: 7, port: 4789 });
    expect((await set({ vni: 7 })).headers['x-causeway-changed']).toBe('false');
    expect((await set({ backend: 'host-gw', fallback: 'vxlan' })).body.backend.type).toBe('host-gw');
    expect((await set({ fallback: 'none' })).body.backend).not.toHaveProperty('tunnel');
    expect((await set({ networkIpv6: 'none' })).body).not.toHaveProperty('ipv6');
  });

  it("keeps what others have in flannel's key", async () => {
    rig.store.put(keys.networkConfig, {
      ...{ network: '10.10.0.0/16', EnableNFTables: true, Comment: 'ours' },
      Backend: { type: 'vxlan', VNI: 3, Extra: 1 },
    });
    await rig.settled();
    await set({ mtu: 1400 });
    expect(inEtcd()).toMatchObject({
      ...{ Network: '10.10.0.0/16', EnableNFTables: true, Comment: 'ours' },
      Backend: { Type: 'vxlan', VNI: 3, MTU: 1400, Extra: 1 },
    });
    expect(inEtcd()).not.toHaveProperty('network');
  });

  it('changes nothing in a dry run, and says what would be', async () => {
    const before = rig.store.dump();
    expect((await set({ backend: 'vxlan' }, '?dryRun=true')).body.backend.type).toBe('vxlan');
    expect(rig.store.dump()).toEqual(before);
  });

  it.each([
    [{ network: '10.10.0.0/30' }, 422, 'network', 'is too small'],
    [{ network: '10.96.0.0/16' }, 422, 'service-range', 'overlaps the container network 10.96.0.0/16'],
    [
      { network: '192.168.0.0/16' },
      422,
      'network',
      'overlaps 192.168.122.0/24, the network of host "host-1"',
    ],
    [{ network: '172.16.0.0/16' }, 422, 'network', 'holds 172.16.1.1, an address of host "host-1"'],
    [{ network: '2.2.0.0/16' }, 422, 'network', 'holds 2.2.2.2, the VIP of service "web"'],
    [{ network: 'none' }, 422, 'network', 'is missing: a network of IPv4, of IPv6 or of both is needed'],
    [{ subnetLen: 17 }, 422, 'subnetLen', 'subnetLen 17 does not fit the network 10.10.0.0/16'],
    [{ subnetLenIpv6: 64 }, 422, 'subnetLenIpv6', 'means nothing: the network would have no IPv6'],
    [{ backend: 'udp' }, 422, 'backend', 'is neither "host-gw" nor "vxlan"'],
    [{ vni: 5 }, 422, 'vni', 'is of a tunnel, and there is none'],
    [{ backend: 'vxlan', vni: 99999999 }, 422, 'vni', 'vni 99999999 is not a whole number from'],
    [{ directRouting: true }, 422, 'directRouting', 'is for the backend "vxlan"'],
    [{ nonMasqueradeCidrs: ['x'] }, 422, 'nonMasqueradeCidrs[0]', 'is not a network of the form'],
    [{ masquerade: 'yes' }, 422, 'masquerade', 'is neither true nor false'],
    [{ nettwork: 'x' }, 422, 'nettwork', 'is not a known field'],
    [{ subnetLen: 25 }, 409, 'renumber', '2 hosts would have to take other subnets, which interrupts'],
    [{ network: '10.20.0.0/16' }, 409, 'renumber', 'host-1, host-2; ask for it with --renumber'],
  ])('%j is refused, and changes nothing', async (body, status, field, sentence) => {
    await rig.ask('PUT', '/v1/services/web', { vip: '2.2.2.2', ports: [{ port: 88 }] });
    await rig.settled();
    expect(await refused(rig, 'PATCH', '/v1/network', body)).toMatchObject({
      status,
      field,
      detail: expect.stringContaining(sentence),
    });
  });

  it('renumbers when that is asked for, and says which reservations are of no use then', async () => {
    await rig.ask('POST', '/v1/nodes/host-1/reserve');
    const { status, body } = await set({ network: '10.20.0.0/16' }, '?renumber=true');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ipv4: { network: '10.20.0.0/16', subnetMin: '10.20.1.0' },
      warnings: [
        'reservation 10.10.1.0/24 of host "host-1" is not a subnet of the network: svcctl node release host-1',
      ],
    });
    expect(inEtcd().CausewayRenumber).toBe(body.fingerprint);
  });

  it('is changed for whoever saw it as it is', async () => {
    const { revision } = await network();
    const headers = { 'if-match': `"${revision - 1}"` };
    expect((await rig.ask('PATCH', '/v1/network', { backend: 'vxlan' }, headers)).status).toBe(412);
  });

  it('is planned anew when somebody is faster', async () => {
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      rig.store.put(keys.networkConfig, { Network: '10.10.0.0/16', Backend: { Type: 'vxlan', VNI: 9 } });
    });
    const { body } = await set({ mtu: 1400, backend: 'vxlan' });
    expect(body.backend.tunnel).toMatchObject({ vni: 9, mtu: 1400 });
  });
});

/** The configuration that hosts follow, and one that somebody wrote past us. */
async function writtenPast(value: object): Promise<void> {
  rig.store.put(keys.acceptedNetwork, rig.store.dump()[keys.networkConfig] ?? '');
  rig.store.put(keys.networkConfig, value);
  await rig.settled();
}

describe('a configuration that would renumber hosts', () => {
  const OTHER = { Network: '10.20.0.0/16', Backend: { Type: 'host-gw' } };

  it('is shown as refused, and services go on with the one that holds', async () => {
    await writtenPast(OTHER);
    expect(await network()).toMatchObject({
      ipv4: { network: '10.10.0.0/16' },
      refused: {
        reason: expect.stringContaining('it would renumber 2 hosts (host-1, host-2)'),
        hosts: ['host-1', 'host-2'],
        config: { ipv4: { network: '10.20.0.0/16' } },
      },
    });
    const vip = { vip: '10.10.0.5', ports: [{ port: 1 }] };
    expect((await rig.ask('POST', '/v1/services', vip)).body.detail).toContain(
      'container network 10.10.0.0/16',
    );
    const { body } = await rig.ask('GET', '/v1/status');
    expect(body.degraded).toContainEqual(
      expect.stringContaining('is not followed: it would renumber 2 hosts'),
    );
  });

  it('is followed once it is confirmed, by its fingerprint', async () => {
    await writtenPast(OTHER);
    const seen = (await network()).refused.config.fingerprint;
    const wrong = await rig.ask('POST', '/v1/network/confirm', { fingerprint: '00000000' });
    expect([wrong.status, wrong.body.field]).toEqual([409, 'fingerprint']);
    const { status, body } = await rig.ask('POST', '/v1/network/confirm', { fingerprint: seen });
    expect([status, body.refused, body.ipv4.network]).toEqual([200, undefined, '10.20.0.0/16']);
    expect(inEtcd()).toMatchObject({ Network: '10.20.0.0/16', CausewayRenumber: seen });
    const again = await rig.ask('POST', '/v1/network/confirm');
    expect([again.status, again.headers['x-causeway-changed']]).toEqual([200, 'false']);
  });

  it('stays confirmed through a change of something else before hosts have followed', async () => {
    await writtenPast(OTHER);
    await rig.ask('POST', '/v1/network/confirm');
    expect((await set({ backend: 'vxlan' })).status).toBe(200);
    expect(await network()).toMatchObject({ ipv4: { network: '10.20.0.0/16' }, backend: { type: 'vxlan' } });
  });

  it('is not confirmed when it became another in between', async () => {
    await writtenPast(OTHER);
    const { fingerprint } = (await network()).refused.config;
    rig.store.beforeTransaction(async () => {
      rig.store.beforeTransaction(undefined);
      rig.store.put(keys.networkConfig, { ...OTHER, Network: '10.30.0.0/16' });
    });
    expect((await rig.ask('POST', '/v1/network/confirm', { fingerprint })).status).toBe(409);
    expect(inEtcd()).not.toHaveProperty('CausewayRenumber');
  });

  it('nothing waits: that is a 409', async () => {
    expect(await refused(rig, 'POST', '/v1/network/confirm', undefined)).toMatchObject({ status: 409 });
  });
});

describe('a configuration that cannot be read', () => {
  it('is mended from the last that could, with what is asked for', async () => {
    rig.store.put(keys.networkConfig, '}{');
    await rig.settled();
    expect((await set({ backend: 'vxlan' })).status).toBe(200);
    const kv = {
      key: keys.networkConfig,
      value: JSON.stringify(inEtcd()),
      modRevision: 1,
      createRevision: 1,
      leaseId: '0',
    };
    const config = decodeNetworkConfig(kv);
    if (config instanceof CausewayError) throw config;
    expect(config).toMatchObject({ ipv4: { network: '10.10.0.0/16' }, backend: { type: 'vxlan' } });
    expect(fingerprintOf(config)).toBe((await network()).fingerprint);
  });
});
