import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHost, host, type Rig, refused, startRig } from '../../test/support/controller.ts';
import { buildApp } from './app.ts';
import { View } from './view/view.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.close());

const set = (body: object) => rig.ask('PATCH', '/v1/network', body);
const inEtcd = () => JSON.parse(rig.store.dump()[keys.networkConfig] ?? '');

describe('a network that becomes another one', () => {
  it('holds no address at which the controller or etcd is reached: no agent would find them again', async () => {
    const { store, view } = rig;
    const own = [{ flag: 'etcd', address: '10.20.0.5' }];
    const app = await buildApp({ store, view, own });
    const payload = { network: '10.20.0.0/16' };
    const reply = await app.inject({ method: 'PATCH', url: '/v1/network?renumber=true', payload });
    expect([reply.statusCode, reply.json().detail]).toEqual([
      422,
      'network "10.20.0.0/16" holds 10.20.0.5, the address of --etcd',
    ]);
    await app.close();
  });

  it('holds no address of a host, in either family', async () => {
    addHost(rig.store, { ...host(3), addresses: ['fd00:77::1'] });
    await rig.settled();
    const answer = await refused(rig, 'PATCH', '/v1/network', { networkIpv6: 'fd00:77::/48' });
    expect(answer).toMatchObject({
      status: 422,
      detail: 'network-ipv6 "fd00:77::/48" holds fd00:77::1, an address of host "host-3"',
    });
  });

  it("is not confirmed either when it takes what is somebody else's", async () => {
    rig.store.put(keys.acceptedNetwork, rig.store.dump()[keys.networkConfig] ?? '');
    rig.store.put(keys.networkConfig, { Network: '192.168.0.0/16', Backend: { Type: 'host-gw' } });
    await rig.settled();
    const answer = await refused(rig, 'POST', '/v1/network/confirm', undefined);
    expect(answer).toMatchObject({ status: 422, field: 'network' });
    expect(answer.detail).toContain('overlaps 192.168.122.0/24, the network of host "host-1"');
  });
});

describe('keys that cannot be read', () => {
  it('of what hosts follow keep nobody from changing the network, and renumber nobody unasked', async () => {
    rig.store.put(keys.acceptedNetwork, '}{');
    await rig.settled();
    expect((await set({ backend: 'vxlan' })).status).toBe(200);
    expect(inEtcd()).toMatchObject({ Network: '10.10.0.0/16', Backend: { Type: 'vxlan' } });
    expect(await refused(rig, 'PATCH', '/v1/network', { network: '10.20.0.0/16' })).toMatchObject({
      status: 409,
      field: 'renumber',
    });
  });

  it('of the configuration are named by whoever asks for it', async () => {
    const { store } = rig;
    store.put(keys.networkConfig, '}{');
    const other = await startOver(store);
    const reply = await other.app.inject('/v1/network');
    expect([reply.statusCode, reply.json().detail]).toEqual([503, expect.stringContaining('is not JSON')]);
    const payload = { network: '10.10.0.0/16' };
    const mended = await other.app.inject({ method: 'PATCH', url: '/v1/network', payload });
    expect(mended.statusCode).toBe(200);
    await other.close();
  });
});

describe('the warnings of a service', () => {
  it('go by the network that hosts follow, not by one that waits', async () => {
    await rig.ask('PUT', '/v1/services/web', { ports: [{ port: 88 }], endpoints: ['10.20.0.9:1'] });
    rig.store.put(keys.acceptedNetwork, rig.store.dump()[keys.networkConfig] ?? '');
    rig.store.put(keys.networkConfig, { Network: '10.20.0.0/16', Backend: { Type: 'host-gw' } });
    await rig.settled();
    const { body } = await rig.ask('GET', '/v1/services/web');
    expect(body.status).not.toHaveProperty('warnings');
  });
});

/** A controller that never saw what was readable. */
async function startOver(store: Rig['store']) {
  const view = new View(store);
  await view.whole(1_000);
  const app = await buildApp({ store, view, patienceMs: 50 });
  return {
    app,
    close: async () => {
      await app.close();
      view.close();
    },
  };
}
