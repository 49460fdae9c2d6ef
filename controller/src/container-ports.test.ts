import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it } from 'vitest';
import { refused } from '../../test/support/controller.ts';
import { boxesOf, useRig } from '../../test/support/controller-uses.ts';

const own = useRig();
const { create, refusal } = boxesOf(own);

describe('published ports', () => {
  const holders = (id: string) =>
    JSON.parse(own.rig.store.dump()[`${keys.publishedPrefix}${id}`] ?? '{}').holders;

  it('are one container’s on a host, at an address or at all, and come back with it', async () => {
    await create({ publish: ['8080:80', '192.168.122.11:53:53/udp'] });
    const other = { name: 'other' };
    for (const publish of ['8080:1', '192.168.122.11:8080:1', '53:1/udp', '192.168.122.11:53:1/udp'])
      expect((await refusal({ ...other, publish: [publish] })).status).toBe(409);
    expect((await refusal({ ...other, publish: ['8080:1'] })).detail).toBe(
      'publish[0] "8080:1" cannot be: container "box" publishes port 8080/tcp of host-1',
    );
    const free = ['172.16.1.1:53:1/udp', '53:1', '8080:1/udp'];
    expect((await create({ ...other, publish: free })).status).toBe(201);
    expect((await create({ name: 'third', host: 'host-2', publish: ['8080:80'] })).status).toBe(201);
    expect(holders('tcp/8080')).toEqual([
      { container: 'box', host: 'host-1' },
      { container: 'third', host: 'host-2' },
    ]);
    for (const name of ['box', 'other', 'third']) await own.rig.ask('DELETE', `/v1/containers/${name}`);
    expect(Object.keys(own.rig.store.dump()).filter((key) => key.startsWith(keys.publishedPrefix))).toEqual(
      [],
    );
  });

  it('come back also of a container that cannot be read', async () => {
    await create({ publish: ['8080:80'], network: { kind: 'bridge', address: '10.10.1.77' } });
    own.rig.store.put(keys.container('box'), '}{');
    await own.rig.ask('DELETE', '/v1/containers/box');
    expect(holders('tcp/8080')).toBeUndefined();
    expect((await create({ name: 'b', network: { kind: 'bridge', address: '10.10.1.77' } })).status).toBe(
      201,
    );
  });

  it('are no service’s NodePort, and none becomes one', async () => {
    const expose = (port: number | 'auto', vip = '2.2.2.3') => ({
      name: 's',
      vip,
      ports: [{ port: 80, nodePort: port }],
    });
    await own.rig.ask('POST', '/v1/services', expose(30001));
    expect((await refusal({ publish: ['30001:80'] })).detail).toBe(
      'publish[0] "30001:80" cannot be: 30001/tcp is the NodePort of service "s"',
    );
    expect((await create({ publish: ['30002:80', '30001:80/udp'] })).status).toBe(201);
    const other = { ...expose(30002), name: 't', vip: '2.2.2.4' };
    expect((await refused(own.rig, 'POST', '/v1/services', other)).detail).toBe(
      'ports[0].nodePort 30002 is taken: container "box" publishes port 30002/tcp of host-1',
    );
    await own.rig.ask('PATCH', '/v1/settings', { nodePortMin: 30001, nodePortMax: 30003 });
    const auto = { ...expose('auto'), name: 't', vip: '2.2.2.4' };
    expect((await own.rig.ask('POST', '/v1/services', auto)).body.ports[0].nodePort).toBe(30003);
  });

  it('may be a NodePort’s number where NodePorts are not served, until they are', async () => {
    await own.rig.ask('PATCH', '/v1/settings', { nodePortCidrs: ['192.168.122.0/24'] });
    await own.rig.ask('POST', '/v1/services', {
      name: 's',
      vip: '2.2.2.3',
      ports: [{ port: 80, nodePort: 30001 }],
    });
    expect((await refusal({ publish: ['30001:80'] })).status).toBe(409);
    expect((await create({ publish: ['172.16.1.1:30001:80'] })).status).toBe(201);
    const { status, detail } = await refused(own.rig, 'PATCH', '/v1/settings', { nodePortCidrs: [] });
    expect([status, detail]).toEqual([
      409,
      expect.stringContaining(
        'would serve tcp/30001, the NodePort of service "s", where container "box" publishes it',
      ),
    ]);
  });

  it('are decided by etcd when a service and a container want one at once', async () => {
    const service = { name: 's', vip: '2.2.2.3', ports: [{ port: 80, nodePort: 30001 }] };
    own.once(() => create({ publish: ['30001:80'] }));
    expect((await own.rig.ask('POST', '/v1/services', service)).body.detail).toContain(
      'container "box" publishes',
    );
  });
});
