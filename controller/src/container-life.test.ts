import type { ContainerStatus } from '@causeway/shared/model/container';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it } from 'vitest';
import { refused } from '../../test/support/controller.ts';
import { boxesOf, useRig } from '../../test/support/controller-uses.ts';

const own = useRig();
const { box, create, tell } = boxesOf(own);

describe('a life', () => {
  const life = async (verb: 'stop' | 'start') =>
    (await own.rig.ask('POST', `/v1/containers/box/${verb}`)).body;

  it('is stopped and started, each once', async () => {
    await create();
    await tell();
    expect(await life('start')).not.toHaveProperty('generation');
    expect(await life('stop')).toMatchObject({ want: 'stopped' });
    const { headers } = await own.rig.ask('POST', '/v1/containers/box/stop');
    expect(headers).toMatchObject({ 'x-causeway-changed': 'false' });
    const started = await life('start');
    expect([started.want, started.generation]).toEqual([undefined, 1]);
    expect((await create()).status).toBe(200);
  });

  it.each(['exited', 'failed'] as const)('goes on when it is started after it has %s', async (state) => {
    await create();
    await tell({ state });
    expect((await life('start')).generation).toBe(1);
  });

  it('is changed only as it was seen', async () => {
    const { body } = await create();
    const late = { 'if-match': String(body.revision - 1) };
    expect((await own.rig.ask('POST', '/v1/containers/box/stop', undefined, late)).status).toBe(412);
    expect((await own.rig.ask('POST', '/v1/containers/none/stop')).status).toBe(404);
    own.once(() => own.rig.store.put(keys.container('box'), encode({ ...box(), files: {}, generation: 7 })));
    await life('stop');
    expect(JSON.parse(own.rig.store.dump()[keys.container('box')] ?? '')).toMatchObject({
      want: 'stopped',
      generation: 7,
    });
  });

  it('ends by force, or when it runs no more and nobody is in its network', async () => {
    await create();
    await tell();
    const gentle = () => refused(own.rig, 'DELETE', '/v1/containers/box?force=false', undefined);
    expect((await gentle()).detail).toBe(
      'container "box" is running on host-1: stop it first, or remove it by force',
    );
    await life('stop');
    expect((await gentle()).detail).toContain('is still being stopped on host-1');
    await tell({ state: 'stopped' });
    await create({ name: 'a', network: 'container:box' });
    expect((await gentle()).detail).toContain('has the network that container "a" is in');
    await own.rig.ask('DELETE', '/v1/containers/a');
    expect((await own.rig.ask('DELETE', '/v1/containers/box?force=false')).status).toBe(200);
    // Its host is still removing it.
    let isMade = false;
    const made = create().then(() => {
      isMade = true;
    });
    await own.rig.settled();
    expect(isMade).toBe(false);
    own.rig.store.remove(keys.containerStatus('box'));
    await made;
    await tell();
    expect((await own.rig.ask('DELETE', '/v1/containers/box')).status).toBe(200);
  });
});

describe('services', () => {
  it.each<[Partial<ContainerStatus>, string]>([
    [
      { state: 'starting', reason: 'its image is on its way' },
      'container "box" is being started on host-1: its image is on its way',
    ],
    [{ state: 'exited', exitCode: 3 }, 'container "box" has ended on host-1 with exit code 3'],
    [{ state: 'stopped' }, 'container "box" is stopped on host-1'],
    [{ state: 'detached', reason: 'gone' }, 'container "box" does not run on host-1: gone'],
    [{ state: 'failed', reason: 'no such user' }, 'container "box" failed on host-1: no such user'],
  ])('lead to containers that run, not to one that is %j', async (status, sentence) => {
    await create();
    await own.rig.ask('POST', '/v1/services', {
      name: 's',
      vip: '2.2.2.3',
      ports: [{ port: 80 }],
      endpoints: ['box'],
    });
    await tell();
    expect((await own.rig.ask('GET', '/v1/services/s/endpoints')).body.items).toHaveLength(1);
    await tell(status);
    const { body } = await own.rig.ask('GET', '/v1/services/s');
    expect(body.status).toMatchObject({ endpoints: 0, unresolved: [sentence] });
  });

  it('lose one that is to be stopped before its host has stopped it', async () => {
    await create({ labels: { app: 'web' } });
    await tell();
    await own.rig.ask('POST', '/v1/services', {
      name: 's',
      vip: '2.2.2.3',
      ports: [{ port: 80 }],
      selector: { app: 'web' },
    });
    await own.rig.settled();
    expect((await own.rig.ask('GET', '/v1/services/s')).body.status.endpoints).toBe(1);
    await own.rig.ask('POST', '/v1/containers/box/stop');
    await own.rig.settled();
    expect((await own.rig.ask('GET', '/v1/services/s')).body.status.endpoints).toBe(0);
  });
});
