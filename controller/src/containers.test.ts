import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it } from 'vitest';
import { refused } from '../../test/support/controller.ts';
import { boxesOf, useRigWithImage, webImage } from '../../test/support/controller-uses.ts';

const own = useRigWithImage();
const { box, create, refusal, tell } = boxesOf(own);

describe('a container', () => {
  it('has everything that was asked for, in one form whatever form it came in', async () => {
    const { status, body } = await create({
      image: 'web:2',
      command: [],
      network: { kind: 'bridge', address: '10.10.1.77', mac: '0A:58:0A:0A:01:4D' },
      publish: ['8080:80', { address: '192.168.122.11', hostPort: 53, containerPort: 5353, protocol: 'udp' }],
      env: { COLOUR: 'blue' },
      user: '1000:100',
      workdir: '/srv',
      hostname: 'Front.example',
      mounts: ['/srv/www:/www:ro', { source: '/var/x', destination: '/x' }],
      cpus: 0.5,
      memoryBytes: 64 * 2 ** 20,
      userNamespace: true,
      restart: 'on-failure',
      stopSeconds: 3,
      labels: { app: 'web' },
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      ...{ name: 'box', host: 'host-1', command: [], files: {}, labels: { app: 'web' } },
      image: { name: 'web:2', digest: `sha256:${'a'.repeat(64)}` },
      network: { kind: 'bridge', address: '10.10.1.77', mac: '0a:58:0a:0a:01:4d' },
      publish: [
        { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
        { address: '192.168.122.11', hostPort: 53, containerPort: 5353, protocol: 'udp' },
      ],
      env: { COLOUR: 'blue' },
      ...{ user: '1000:100', workdir: '/srv', hostname: 'Front.example' },
      mounts: [
        { source: '/srv/www', destination: '/www', readOnly: true },
        { source: '/var/x', destination: '/x' },
      ],
      ...{ cpus: 0.5, memoryBytes: 67108864, userNamespace: true, restart: 'on-failure', stopSeconds: 3 },
      revision: expect.any(Number),
    });
    const { revision: _revision, ...definition } = body;
    expect(await own.rig.ask('POST', '/v1/containers', definition)).toMatchObject({ status: 200, body });
  });

  it('has nothing that it would have anyway, so that older agents know it as it was', async () => {
    const { body } = await create({
      ...{ image: 'busybox', network: 'bridge', restart: 'always', stopSeconds: 10, hostname: 'box' },
      ...{ publish: [], env: {}, mounts: [], labels: {}, userNamespace: false },
    });
    expect(Object.keys(body).sort()).toEqual(['command', 'files', 'host', 'name', 'revision']);
    expect((await create()).status).toBe(200);
  });

  it('keeps the image that its name meant when it was made', async () => {
    await create({ image: 'web:2' });
    own.rig.store.put(keys.image('web:2'), encode(webImage('b')));
    const again = await create({ image: 'web:2' });
    expect([again.status, again.body.image.digest]).toEqual([200, `sha256:${'a'.repeat(64)}`]);
    expect((await create({ image: 'busybox' })).status).toBe(409);
  });

  it('has the image that its name means when it is written', async () => {
    own.once(() => own.rig.store.put(keys.image('web:2'), encode(webImage('b'))));
    const { body } = await create({ image: 'web:2' });
    expect(body.image.digest).toBe(`sha256:${'b'.repeat(64)}`);
  });
});

describe('network modes', () => {
  it('join containers that have a network of their own, and make no circle', async () => {
    expect((await create({ name: 'a', network: 'container:web-1' })).status).toBe(201);
    expect((await refusal({ network: 'container:a' })).detail).toContain('is in the network of "web-1"');
    expect((await create({ name: 'b', network: 'host' })).status).toBe(201);
    expect((await refusal({ network: 'container:b' })).detail).toContain("has the host's network");
    expect((await refusal({ network: 'p2p:b' })).detail).toContain("has the host's network");
    // The other end may come later, and name this one.
    expect((await create({ name: 'left', network: 'p2p:right' })).status).toBe(201);
    expect((await refusal({ name: 'right', network: 'container:left' })).detail).toContain(
      'that is a circle',
    );
    expect((await create({ name: 'right', network: 'p2p:left' })).status).toBe(201);
  });
});

describe('somebody else’s container', () => {
  const attach = (changes: object) => ({ name: 'theirs', host: 'host-1', ...changes });

  it('is attached once, by its engine’s name for it', async () => {
    const answer = await own.rig.ask(
      'POST',
      '/v1/containers',
      attach({ attach: 'docker:web', labels: { app: 'web' } }),
    );
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      command: [],
      attach: { kind: 'docker', id: 'web' },
      labels: { app: 'web' },
    });
    const twice = await refused(
      own.rig,
      'POST',
      '/v1/containers',
      attach({ name: 'other', attach: 'docker:web' }),
    );
    expect([twice.status, twice.detail]).toEqual([
      409,
      'attach "docker:web" is attached already, as "theirs"',
    ]);
    const elsewhere = attach({ name: 'other', host: 'host-2', attach: 'docker:web' });
    expect((await own.rig.ask('POST', '/v1/containers', elsewhere)).status).toBe(201);
  });

  it.each<[object, string, string]>([
    [{ attach: 'podman:web' }, 'attach', 'is not a container of others'],
    [{ attach: 'pid:0' }, 'attach', 'attach "pid:0" is not a process id'],
    [{ attach: 'netns:web' }, 'attach', 'is not an absolute path, such as'],
    [{ attach: 'docker:a/b' }, 'attach', 'is neither a name nor an id'],
    [{ attach: 'docker:web', command: ['sh'] }, 'command', 'is for a container of our own: "docker:web"'],
    [{ attach: 'docker:web', publish: ['80:80'] }, 'publish', 'is for a container of our own'],
    [{ attach: 'docker:web', image: 'web:2' }, 'image', 'is for a container of our own'],
    [{ attach: 'docker:web', userNamespace: true }, 'userNamespace', 'is for a container of our own'],
    [{ attach: 'docker:web', network: 'host' }, 'network', 'becomes a port of the bridge'],
  ])('is refused as %j', async (changes, field, sentence) => {
    const answer = await refused(own.rig, 'POST', '/v1/containers', attach(changes));
    expect(answer).toMatchObject({ status: 422, field });
    expect(answer.detail).toContain(sentence);
  });

  it('is neither stopped nor started by us, and let go at once', async () => {
    await own.rig.ask('POST', '/v1/containers', box({ command: undefined, attach: 'docker:web' }));
    await tell();
    const { status, detail } = await refused(own.rig, 'POST', '/v1/containers/box/stop', undefined);
    expect([status, detail]).toEqual([409, expect.stringContaining('container "box" is attached')]);
    expect((await own.rig.ask('DELETE', '/v1/containers/box?force=false')).status).toBe(200);
  });
});
