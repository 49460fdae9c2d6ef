import { type HealthRecord, healthId, type UnhealthyEndpoint } from '@causeway/shared/model/health';
import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it } from 'vitest';
import { addHost, host, type ShownEndpoint } from '../../test/support/controller.ts';
import { serviceOf, useRig } from '../../test/support/controller-uses.ts';

const own = useRig();
const { make, states, url } = serviceOf(own);

describe('health', () => {
  const health = { type: 'http', path: '/ok', intervalMs: 500 };
  const record = (node: string, ...unhealthy: UnhealthyEndpoint[]) => {
    const healthy = (own.rig.view.tables.endpoints.get('s')?.value.endpoints ?? [])
      .filter(({ checkedBy }) => checkedBy === node)
      .map((endpoint) => healthId({ service: 's', ...endpoint }));
    const bad = unhealthy.map((one) => healthId(one));
    const record: HealthRecord = { node, unhealthy, healthy: healthy.filter((id) => !bad.includes(id)) };
    own.rig.store.put(keys.health(node), record);
    return own.rig.settled();
  };
  const bad = (address: string, port = 80, service = 's') => ({
    ...{ service, portName: '', address, port },
    reason: 'it answered 503',
  });
  const askers = async () =>
    (await own.rig.ask('GET', url)).body.items.map(
      ({ address, checkedBy }: ShownEndpoint) => `${address} ${checkedBy}`,
    );

  it('is asked for by the host of the endpoint, and its word counts', async () => {
    const { body } = await make({ endpoints: ['web-1', '10.10.2.9'], health });
    expect(body.health).toEqual({
      type: 'http',
      path: '/ok',
      intervalMs: 500,
      timeoutMs: 500,
      rise: 1,
      fall: 3,
    });
    expect(await askers()).toEqual(['10.10.1.2 host-1', '10.10.2.9 host-2']);
    const unasked = ['10.10.1.2', '10.10.2.9'].map(
      (address) => `${address} unready it has not been asked yet`,
    );
    expect(await states()).toEqual(unasked);
    await record('host-2');
    expect(await states()).toEqual([unasked[0], '10.10.2.9 ready']);
    await record(
      'host-1',
      bad('10.10.1.2'),
      bad('10.10.2.9'),
      bad('10.10.1.2', 81),
      bad('10.10.1.2', 80, 'other'),
    );
    expect(await states()).toEqual(['10.10.1.2 unready it answered 503', '10.10.2.9 ready']);
    await record('host-1');
    expect(await states()).toEqual(['10.10.1.2 ready', '10.10.2.9 ready']);
  });

  it('of what is on no host of ours is asked for by a live one, and by another when that dies', async () => {
    await make({ endpoints: ['203.0.113.7'], health });
    const [first] = await askers();
    const chosen = first?.split(' ')[1] ?? '';
    await record(chosen, bad('203.0.113.7'));
    expect(await states()).toEqual(['203.0.113.7 unready it answered 503']);
    own.rig.store.remove(keys.alive(chosen));
    await own.rig.settled();
    const other = chosen === 'host-1' ? 'host-2' : 'host-1';
    expect(await askers()).toEqual([`203.0.113.7 ${other}`]);
    expect(await states()).toEqual(['203.0.113.7 unready it answered 503']);
    own.rig.store.remove(keys.health(chosen));
    await own.rig.settled();
    expect(await states()).toEqual(['203.0.113.7 unready it answered 503']);
    await record(other);
    expect(await states()).toEqual(['203.0.113.7 ready']);
    own.rig.store.remove(keys.alive(other));
    await own.rig.settled();
    expect(await askers()).toEqual(['203.0.113.7 undefined']);
    addHost(own.rig.store, host(3));
    await own.rig.settled();
    expect(await askers()).toEqual(['203.0.113.7 host-3']);
  });

  it('is no other one because its service is replaced', async () => {
    await make({ endpoints: ['web-1', '203.0.113.7'], health });
    const chosen = (await askers())[1]?.split(' ')[1] ?? '';
    await record('host-1', bad('10.10.1.2'));
    await record(chosen, bad('203.0.113.7'), ...(chosen === 'host-1' ? [bad('10.10.1.2')] : []));
    const before = await states();
    expect(before).toEqual(['10.10.1.2 unready it answered 503', '203.0.113.7 unready it answered 503']);
    own.rig.store.remove(keys.health(chosen));
    own.rig.loop.stop();
    const { body } = await make({ endpoints: ['web-1', '203.0.113.7'], health, affinity: 'client' });
    expect(body.status).toMatchObject({ endpoints: 2, ready: 0 });
    expect(await states()).toEqual(before);
  });

  it('is known of every endpoint that an agent does not name, if it names the unhealthy ones alone', async () => {
    await make({ endpoints: ['web-1', '10.10.1.8'], health });
    own.rig.store.put(keys.health('host-1'), { node: 'host-1', unhealthy: [bad('10.10.1.2')] });
    await own.rig.settled();
    expect(await states()).toEqual(['10.10.1.2 unready it answered 503', '10.10.1.8 ready']);
  });

  it('is nobody’s business where the service does not ask for it', async () => {
    await make({ endpoints: ['web-1'] });
    await record('host-1', bad('10.10.1.2'));
    expect(await askers()).toEqual(['10.10.1.2 undefined']);
    expect(await states()).toEqual(['10.10.1.2 ready']);
  });
});
