import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { beforeEach, describe, expect, it } from 'vitest';
import { refused, running } from '../../test/support/controller.ts';
import { serviceOf, useRig } from '../../test/support/controller-uses.ts';

const own = useRig();
const { make, states, url } = serviceOf(own);

describe('an endpoint of a service', () => {
  beforeEach(() => make({ endpoints: ['web-1', { to: '10.10.2.9:81', weight: 3 }] }));

  const patch = (to: string, body: object) => own.rig.ask('PATCH', `${url}/${encodeURIComponent(to)}`, body);
  const refs = async () => (await own.rig.ask('GET', '/v1/services/s')).body.endpoints;

  it('is weighed, drained and used again, each by itself', async () => {
    expect(await patch('web-1', { weight: 0 })).toMatchObject({ status: 200 });
    expect(await patch('web-1', { drain: true })).toMatchObject({ status: 200 });
    expect(await refs()).toEqual([
      { to: 'web-1', weight: 0, drain: {} },
      { to: '10.10.2.9:81', weight: 3 },
    ]);
    expect(await states()).toEqual(['10.10.1.2 draining it is being drained', '10.10.2.9 ready']);
    expect((await own.rig.ask('GET', '/v1/services/s')).body.status).toMatchObject({
      endpoints: 2,
      ready: 1,
    });
    const { body } = await patch('web-1', { drain: { deadlineSeconds: 60 } });
    expect(body.endpoints[0]).toEqual({
      to: 'web-1',
      weight: 0,
      drain: { until: '2026-01-01T00:01:00.000Z' },
    });
    expect(await patch('web-1', { drain: false, weight: 1 })).toMatchObject({
      body: {
        endpoints: [
          { to: 'web-1', weight: 1 },
          { to: '10.10.2.9:81', weight: 3 },
        ],
      },
    });
    const again = await patch('web-1', { drain: false, weight: 1 });
    expect(again.body.revision).toBe((await own.rig.ask('GET', '/v1/services/s')).body.revision);
  });

  it('is named by where it leads, too', async () => {
    await patch('10.10.1.2', { weight: 7 });
    await patch('10.10.1.2:80', { drain: true });
    expect((await refs())[0]).toEqual({ to: 'web-1', weight: 7, drain: {} });
    expect((await own.rig.ask('DELETE', `${url}/10.10.1.2:81`)).status).toBe(404);
    expect((await own.rig.ask('DELETE', `${url}/10.10.1.2:80`)).body.endpoints).toEqual([
      { to: '10.10.2.9:81', weight: 3 },
    ]);
  });

  it.each(['PATCH', 'DELETE'] as const)('is looked for where it leads when %s is written', async (method) => {
    own.once(async () => {
      own.rig.store.put(keys.containerStatus('web-1'), encode(running('web-1', 'host-1', '10.10.1.3')));
      await own.rig.settled();
    });
    const body = method === 'PATCH' ? { weight: 7 } : undefined;
    expect((await own.rig.ask(method, `${url}/10.10.1.2`, body)).status).toBe(404);
    expect(await refs()).toEqual([{ to: 'web-1' }, { to: '10.10.2.9:81', weight: 3 }]);
  });

  it('that is added again gets the weight that comes with it, and keeps the one that it has', async () => {
    await own.rig.ask('POST', url, { to: 'web-1', weight: 9 });
    expect((await refs())[0]).toEqual({ to: 'web-1', weight: 9 });
    await own.rig.ask('POST', url, { to: 'web-1' });
    expect((await refs())[0]).toEqual({ to: 'web-1', weight: 9 });
    await patch('web-1', { drain: true });
    await own.rig.ask('POST', url, { to: 'web-1', drain: false });
    expect((await refs())[0]).toEqual({ to: 'web-1', weight: 9 });
  });

  it('is named by its container or workload alone, whether it leads anywhere or not', async () => {
    await own.rig.ask('POST', '/v1/workloads', { name: 'db', addresses: ['203.0.113.9'] });
    await own.rig.ask('POST', url, { to: 'db:5432' });
    expect((await patch('db', { weight: 4 })).body.endpoints[2]).toEqual({ to: 'db:5432', weight: 4 });
    await patch('web-1:80', { weight: 6 });
    expect((await refs())[0]).toEqual({ to: 'web-1', weight: 6 });
    expect((await patch('db:5433', { weight: 5 })).status).toBe(404);
    await own.rig.ask('DELETE', '/v1/workloads/db');
    await own.rig.settled();
    expect((await own.rig.ask('DELETE', `${url}/db`)).body.endpoints).toHaveLength(2);
  });

  it('that is gone stands in the way of no other change, and of no replacement', async () => {
    own.rig.store.remove(keys.container('web-1'));
    own.rig.store.remove(keys.containerStatus('web-1'));
    await own.rig.settled();
    const { name, vips, ports, endpoints } = (await own.rig.ask('GET', '/v1/services/s')).body;
    const unnamed = ports.map(({ name: _none, ...port }: { name: string }) => port);
    const again = { name, vip: vips, ports: unnamed, endpoints, affinity: 'client' };
    expect(await own.rig.ask('PUT', '/v1/services/s', again)).toMatchObject({
      status: 200,
      body: { affinity: 'client', status: { unresolved: ['there is no container or workload "web-1"'] } },
    });
    expect((await patch('web-1', { weight: 2 })).body.endpoints[0]).toEqual({ to: 'web-1', weight: 2 });
    const more = { ...again, endpoints: [...endpoints, 'web-9'] };
    expect((await refused(own.rig, 'PUT', '/v1/services/s', more)).detail).toBe(
      'endpoints[2] "web-9" names no container or workload: there is none called "web-9"',
    );
    expect(
      await own.rig.ask('PUT', '/v1/services/t', { ports: [{ port: 80 }], endpoints: ['web-1'] }),
    ).toMatchObject({ status: 422 });
  });

  it('that a selector found becomes a named one by what is said of it', async () => {
    own.rig.store.put(
      keys.container('web-1'),
      encode({ name: 'web-1', host: 'host-1', command: ['httpd'], files: {}, labels: { app: 'web' } }),
    );
    await own.rig.settled();
    await make({ selector: { app: 'web' } });
    expect(await states()).toEqual(['10.10.1.2 ready']);
    expect(await own.rig.ask('DELETE', `${url}/web-1`)).toMatchObject({ status: 409, body: { field: 'to' } });
    await patch('web-1', { drain: true });
    expect(await refs()).toEqual([{ to: 'web-1', drain: {} }]);
    expect(await states()).toEqual(['10.10.1.2 draining it is being drained']);
  });

  it.each([
    [{}, 'the body', 'the body {} changes nothing: a weight or a drain is needed'],
    [{ weight: 101 }, 'weight', 'weight 101 is not a weight: a whole number from 0 to 100 is needed'],
    [
      { drain: { deadlineSeconds: -1 } },
      'drain.deadlineSeconds',
      'is not a deadline: a whole number of seconds',
    ],
    [
      { drain: 'now' },
      'drain',
      'drain "now" is not a drain: true, false or {"deadlineSeconds":60} is needed',
    ],
  ])('%j changes nothing', async (body, field, detail) => {
    const answer = await refused(own.rig, 'PATCH', `${url}/web-1`, body);
    expect(answer).toMatchObject({ status: 422, field });
    expect(answer.detail).toContain(detail);
  });

  it('that there is none of is told, with those that there are', async () => {
    expect((await refused(own.rig, 'PATCH', `${url}/web-9`, { weight: 1 })).detail).toBe(
      'service "s" has no endpoint "web-9"; it has web-1, 10.10.2.9:81',
    );
  });
});
