import { CausewayError } from '@causeway/shared/errors';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it, vi } from 'vitest';
import { host } from '../../test/support/controller.ts';
import { serviceOf, useRig } from '../../test/support/controller-uses.ts';

const own = useRig();
const { make, states, url } = serviceOf(own);

describe('a deadline', () => {
  it('that passes makes the endpoint a drained one, without anything else happening', async () => {
    await own.restart({ now: Date.now });
    await make({ endpoints: ['web-1', '10.10.2.9'] });
    await own.rig.ask('PATCH', `${url}/web-1`, { drain: { deadlineSeconds: 1 } });
    await own.rig.settled();
    expect((await states()).map((text) => text.split(' ').slice(0, 2))).toEqual([
      ['10.10.1.2', 'draining'],
      ['10.10.2.9', 'ready'],
    ]);
    const over = [
      expect.stringMatching(/^10\.10\.1\.2 drained the deadline of its drain, 2\d{3}-.*Z, is over$/),
      '10.10.2.9 ready',
    ];
    await vi.waitFor(async () => expect(await states()).toEqual(over), { timeout: 20_000 });
    const { body } = await own.rig.ask('GET', '/v1/services/s');
    expect(body.status).toEqual({ endpoints: 2, ready: 1, unresolved: [] });
    await own.rig.ask('PATCH', `${url}/web-1`, { drain: false });
    expect(await states()).toEqual(['10.10.1.2 ready', '10.10.2.9 ready']);
  });

  it('passes as well while there is a service whose endpoints etcd does not take', async () => {
    await own.restart({ now: Date.now });
    const names = Array.from({ length: 70 }, (_, n) => `s-${n}`);
    for (const name of names)
      await own.rig.ask('PUT', `/v1/services/${name}`, { ports: [{ port: 80 }], endpoints: ['web-1'] });
    const transaction = own.rig.store.transaction.bind(own.rig.store);
    own.rig.store.transaction = async (guards, writes) => {
      if (guards.some(({ key }) => key === keys.serviceSpec('s-3')))
        throw new CausewayError('internal', 'writing to etcd: request is too large');
      return transaction(guards, writes);
    };
    own.rig.store.remove(keys.alive('host-1'));
    const stateOf = () => own.rig.view.tables.endpoints.get('s-69')?.value.endpoints[0]?.state;
    expect(await own.rig.view.until(() => stateOf() === 'unready', 5_000)).toBe(true);
    await own.rig.ask('PATCH', '/v1/services/s-69/endpoints/web-1', { drain: { deadlineSeconds: 2 } });
    expect(await own.rig.view.until(() => stateOf() === 'drained', 10_000)).toBe(true);
  });

  it('of no seconds does so at once', async () => {
    await make({ endpoints: ['web-1'] });
    await own.rig.ask('PATCH', `${url}/web-1`, { drain: { deadlineSeconds: 0 } });
    expect(await states()).toEqual([expect.stringMatching(/^10\.10\.1\.2 drained /)]);
  });
});

describe('a dead host', () => {
  it('makes its endpoints unready, and ready when it is back', async () => {
    await make({ endpoints: ['web-1', '10.10.1.8', '10.10.2.9', '203.0.113.7'] });
    own.rig.store.remove(keys.alive('host-1'));
    await own.rig.settled();
    expect(await states()).toEqual([
      '10.10.1.2 unready its host "host-1" is not alive',
      '10.10.1.8 unready its host "host-1" is not alive',
      '10.10.2.9 ready',
      '203.0.113.7 ready',
    ]);
    const { written } = own.rig.store;
    own.rig.store.put(keys.alive('host-1'), encode({ id: 'id-1', instance: 'two' }));
    await own.rig.settled();
    expect(own.rig.store.written).toBe(written + 2);
    expect(await states()).toEqual([
      '10.10.1.2 ready',
      '10.10.1.8 ready',
      '10.10.2.9 ready',
      '203.0.113.7 ready',
    ]);
  });

  it('takes with it what serves at its own addresses, and gives it back', async () => {
    await make({ endpoints: ['192.168.122.11', '172.16.2.1', '192.168.122.99'] });
    const { body } = await own.rig.ask('GET', url);
    const on = body.items.map(({ address, node }: { address: string; node?: string }) => [address, node]);
    expect(on).toEqual([
      ['172.16.2.1', 'host-2'],
      ['192.168.122.11', 'host-1'],
      ['192.168.122.99', undefined],
    ]);
    own.rig.store.remove(keys.alive('host-1'));
    await own.rig.settled();
    const dead = '192.168.122.11 unready its host "host-1" is not alive';
    expect(await states()).toEqual(['172.16.2.1 ready', dead, '192.168.122.99 ready']);
    own.rig.store.put(keys.alive('host-1'), encode({ id: 'id-1', instance: 'two' }));
    await own.rig.settled();
    const all = ['172.16.2.1 ready', '192.168.122.11 ready', '192.168.122.99 ready'];
    expect(await states()).toEqual(all);
    await own.rig.ask('POST', '/v1/nodes/host-2/drain');
    await own.rig.settled();
    expect(await states()).toEqual(all.slice(1));
  });

  it('has an address for as long as it says so, and alone', async () => {
    await make({ endpoints: ['192.168.9.9', '192.168.122.11'] });
    const nodes = async () =>
      (await own.rig.ask('GET', url)).body.items.map(({ node = 'none' }: { node?: string }) => node);
    expect(await nodes()).toEqual(['none', 'host-1']);
    const [one, two] = [host(1), host(2)];
    own.rig.store.put(keys.node('host-2'), encode({ ...two, addresses: [...two.addresses, '192.168.9.9'] }));
    await own.rig.settled();
    expect(await nodes()).toEqual(['host-2', 'host-1']);
    own.rig.store.put(keys.node('host-1'), encode({ ...one, addresses: [...one.addresses, '192.168.9.9'] }));
    await own.rig.settled();
    expect(await nodes()).toEqual(['none', 'host-1']);
  });

  it('is not judged while most are silent at once: then etcd or the controller is cut off, and the others live', async () => {
    await make({ endpoints: ['web-1', '10.10.2.9'] });
    own.rig.store.remove(keys.alive('host-1'));
    await own.rig.settled();
    const one = ['10.10.1.2 unready its host "host-1" is not alive', '10.10.2.9 ready'];
    expect(await states()).toEqual(one);
    own.rig.store.remove(keys.alive('host-2'));
    await own.rig.settled();
    expect(await states()).toEqual(['10.10.1.2 ready', '10.10.2.9 ready']);
    own.rig.store.put(keys.alive('host-2'), encode({ id: 'id-2', instance: 'two' }));
    await own.rig.settled();
    expect(await states()).toEqual(one);
  });

  it('costs a few transactions, however many services it serves, also when one of them changes meanwhile', async () => {
    const names = Array.from({ length: 100 }, (_, n) => `s-${n}`);
    for (const name of names)
      await own.rig.ask('PUT', `/v1/services/${name}`, { ports: [{ port: 80 }], endpoints: ['web-1'] });
    const spec = JSON.parse(own.rig.store.dump()[keys.serviceSpec('s-7')] ?? '');
    const { written } = own.rig.store;
    own.rig.store.remove(keys.alive('host-1'));
    await own.rig.settled();
    expect(own.rig.store.written - written).toBeLessThanOrEqual(4);
    own.once(async () => {
      own.rig.store.put(keys.serviceSpec('s-7'), { ...spec, endpoints: [{ to: '203.0.113.7' }] });
    });
    own.rig.store.put(keys.alive('host-1'), encode({ id: 'id-1', instance: 'two' }));
    await own.rig.settled();
    await own.rig.settled();
    for (const name of names) {
      const [endpoint] = (await own.rig.ask('GET', `/v1/services/${name}/endpoints`)).body.items;
      expect(endpoint).toMatchObject({
        state: 'ready',
        address: name === 's-7' ? '203.0.113.7' : '10.10.1.2',
      });
    }
  });

  it('is followed by all services but the one whose endpoints etcd does not take', async () => {
    const names = Array.from({ length: 70 }, (_, n) => `s-${n}`);
    for (const name of names)
      await own.rig.ask('PUT', `/v1/services/${name}`, { ports: [{ port: 80 }], endpoints: ['web-1'] });
    const transaction = own.rig.store.transaction.bind(own.rig.store);
    own.rig.store.transaction = async (guards, writes) => {
      if (guards.some(({ key }) => key === keys.serviceSpec('s-3')))
        throw new CausewayError('internal', 'writing to etcd: request is too large');
      return transaction(guards, writes);
    };
    own.rig.store.remove(keys.alive('host-1'));
    const isFollowed = (name: string) =>
      own.rig.view.tables.endpoints.get(name)?.value.endpoints.every(({ state }) => state === 'unready');
    const others = names.filter((name) => name !== 's-3');
    expect(await own.rig.view.until(() => others.every(isFollowed), 5_000)).toBe(true);
    own.rig.store.transaction = transaction;
    expect(await own.rig.view.until(() => names.every(isFollowed), 5_000)).toBe(true);
  });

  it('is not one whose key cannot be read', async () => {
    await make({ endpoints: ['web-1'] });
    own.rig.store.put(keys.alive('host-1'), '}{');
    await own.rig.settled();
    expect(await states()).toEqual(['10.10.1.2 ready']);
  });

  it('of which another machine has the name is dead, too', async () => {
    await make({ endpoints: ['web-1'] });
    own.rig.store.put(keys.alive('host-1'), encode({ id: 'id-9', instance: 'one' }));
    await own.rig.settled();
    expect(await states()).toEqual(['10.10.1.2 unready its host "host-1" is not alive']);
  });
});
