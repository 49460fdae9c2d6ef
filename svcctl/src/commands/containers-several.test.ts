import { describe, expect, it } from 'vitest';
import { box, status } from '../support/containers.ts';
import { node, problem } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

describe('of several names', () => {
  const none = (name: string) => problem('not-found', 404, `there is no container "${name}"`, 'name');

  it.each(['stop', 'start'])(
    '%s tries each, waits for the good ones, and tells of the others',
    async (verb) => {
      const path = `/v1/containers/web-1/${verb}`;
      controller.answer('POST', path, { body: box('web-1'), headers: { 'x-causeway-changed': 'true' } });
      controller.answer('POST', `/v1/containers/no/${verb}`, none('no'));
      const theirs = problem('conflict', 409, 'container "db" is attached', 'name');
      controller.answer('POST', `/v1/containers/db/${verb}`, theirs);
      const over = verb === 'stop' ? 'stopped' : 'exited';
      controller.list('/v1/containers', [box('web-1', status(over, { exitCode: 0 }))]);
      expect(await svcctl([verb, 'no', 'web-1', 'db', 'web-1'])).toEqual({
        code: 3,
        stdout: `container/web-1 ${verb === 'stop' ? 'stopped' : 'started'}  on host-1\n`,
        stderr: 'svcctl: there is no container "no"\nsvcctl: container "db" is attached\n',
      });
      expect(controller.writes()).toHaveLength(3);
    },
  );

  it.each([
    ['rm', 'removed', {}],
    ['detach', 'detached', { attach: { kind: 'docker', id: 'x' } }],
  ])('%s tries each, too', async (verb, done, changes) => {
    for (const name of ['web-1', 'web-2', 'web-3'])
      controller.answer('GET', `/v1/containers/${name}`, { body: box(name, changes) });
    controller.answer('GET', '/v1/containers/no', none('no'));
    for (const name of ['web-1', 'web-3'])
      controller.answer('DELETE', `/v1/containers/${name}`, { body: { name, revision: 9 } });
    const runs = problem('conflict', 409, 'container "web-2" is running on host-1', 'name');
    controller.answer('DELETE', '/v1/containers/web-2', runs);
    controller.list('/v1/container-status', []);
    expect(await svcctl([verb, 'web-1', 'web-2', 'no', 'web-3'])).toEqual({
      code: 3,
      stdout: `container/web-1 ${done}\ncontainer/web-3 ${done}\n`,
      stderr: 'svcctl: there is no container "no"\nsvcctl: container "web-2" is running on host-1\n',
    });
  });

  it('inspect shows those that are there', async () => {
    for (const name of ['a', 'b']) controller.answer('GET', `/v1/containers/${name}`, { body: box(name) });
    controller.answer('GET', '/v1/containers/no', none('no'));
    controller.list('/v1/endpoints', []);
    const { code, stdout, stderr } = await svcctl(['inspect', 'a', 'no', 'b']);
    expect([code, stderr]).toEqual([3, 'svcctl: there is no container "no"\n']);
    expect(stdout.match(/^Name: .*$/gm)).toHaveLength(2);
    const list = JSON.parse((await svcctl(['inspect', 'a', 'no', 'b', '-o', 'json'])).stdout);
    expect(list).toMatchObject({ kind: 'List', items: [{ name: 'a', endpoints: [] }, { name: 'b' }] });
  });

  it('what cannot be a name is refused before anything is done', async () => {
    for (const verb of ['stop', 'start', 'rm', 'detach', 'inspect']) {
      const { code, stderr } = await svcctl([verb, 'web-1', 'Web_2']);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/^svcctl: name "Web_2" .*\n$/)]);
    }
    expect(controller.asked).toEqual([]);
  });

  it('a controller that is away is told of once', async () => {
    await controller.stop();
    const { code, stderr } = await svcctl(['stop', 'a', 'b']);
    expect([code, stderr]).toEqual([5, expect.stringMatching(/^svcctl: .*connection refused.*\n$/)]);
  });

  it('those on a host that is away keep nobody from waiting for the others', async () => {
    for (const [name, host] of Object.entries({ a: 'host-2', b: 'host-1' }))
      controller.answer('POST', `/v1/containers/${name}/stop`, { body: box(name, { host }) });
    controller.list('/v1/nodes', [node('host-1', 1), node('host-2', 1, { alive: false })]);
    controller.list('/v1/containers', [box('a', { host: 'host-2' }), box('b')]);
    const stopping = svcctl(['stop', 'a', 'b']);
    await controller.watched('/v1/containers');
    controller.send('/v1/containers', 'modified', box('b', status('stopped')));
    const { code, stderr } = await stopping;
    expect([code, stderr]).toEqual([7, expect.stringContaining('nothing was waited for on host-2')]);
  });
});

describe('the word that something has happened', () => {
  const headers = { 'x-causeway-changed': 'true' };

  it('comes when it has', async () => {
    for (const name of ['a', 'b'])
      controller.answer('POST', `/v1/containers/${name}/stop`, { body: box(name), headers });
    controller.list('/v1/containers', [box('a'), box('b', status('stopped'))]);
    const { code, stdout, stderr } = await svcctl(['stop', 'a', 'b', '--timeout', '1s']);
    expect([code, stdout]).toEqual([6, 'container/b stopped  on host-1\n']);
    expect(stderr).toBe('svcctl: waiting for containers to be stopped: not within 1 s: a\n');
  });

  it.each([
    [['stop', 'a'], 'container/a stopping  on host-1\n'],
    [['start', 'a'], 'container/a starting  on host-1\n'],
    [['rm', 'a'], 'container/a being removed\n'],
    [['detach', 'b'], 'container/b being detached\n'],
  ])('%j says what is under way where it is not waited for', async (argv, told) => {
    for (const verb of ['stop', 'start'])
      controller.answer('POST', `/v1/containers/a/${verb}`, { body: box('a'), headers });
    controller.answer('GET', '/v1/containers/a', { body: box('a') });
    controller.answer('GET', '/v1/containers/b', { body: box('b', { attach: { kind: 'pid', id: '7' } }) });
    controller.on(({ method }) => (method === 'DELETE' ? { body: { name: 'a', revision: 9 } } : undefined));
    expect(await svcctl([...argv, '--no-wait'])).toEqual({ code: 0, stdout: told, stderr: '' });
    controller.list('/v1/nodes', [node('host-1', 1, { alive: false })]);
    expect(await svcctl(argv)).toMatchObject({ code: 7, stdout: told });
    const dry = told.replace(/stopping|starting|being (removed|detached)/, (word) =>
      word.replace('being ', '').replace('stopping', 'stopped').replace('starting', 'started'),
    );
    expect((await svcctl([...argv, '--dry-run'])).stdout.replace(' (dry run)', '')).toBe(dry);
  });
});

describe('a container of which its host has said nothing yet', () => {
  const silent = box('web-1', { status: undefined });

  it.each([
    [['rm', 'web-1'], 'container/web-1 removed\n'],
    [['delete', 'container', 'web-1', '--wait'], 'container/web-1 deleted\n'],
  ])('%j waits until the host has, and has removed it', async (argv, told) => {
    controller.answer('GET', '/v1/containers/web-1', { body: silent });
    controller.list('/v1/containers', [silent]);
    controller.answer('DELETE', '/v1/containers/web-1', { body: { name: 'web-1', revision: 9 } });
    const said = { name: 'web-1', host: 'host-1', state: 'running', revision: 8 };
    controller.list('/v1/container-status', [said]);
    let isOver = false;
    const removing = svcctl(argv).finally(() => {
      isOver = true;
    });
    await controller.watched('/v1/containers');
    expect(controller.writes()).toEqual([]);
    controller.send('/v1/containers', 'modified', box('web-1'));
    await controller.watched('/v1/container-status');
    expect([controller.writes(), isOver]).toEqual([['DELETE /v1/containers/web-1'], false]);
    controller.send('/v1/container-status', 'deleted', said);
    expect(await removing).toMatchObject({ code: 0, stdout: told, stderr: '' });
  });

  it('is removed at once where its host is away, or when nothing is to be waited for', async () => {
    controller.answer('GET', '/v1/containers/web-1', { body: silent });
    controller.answer('DELETE', '/v1/containers/web-1', { body: { name: 'web-1', revision: 9 } });
    expect(await svcctl(['rm', 'web-1', '--no-wait'])).toMatchObject({ code: 0, stderr: '' });
    controller.list('/v1/nodes', [node('host-1', 1, { alive: false })]);
    expect((await svcctl(['rm', 'web-1'])).code).toBe(7);
  });

  it('is removed all the same when the host goes on saying nothing', async () => {
    controller.answer('GET', '/v1/containers/web-1', { body: silent });
    controller.list('/v1/containers', [silent]);
    controller.answer('DELETE', '/v1/containers/web-1', { body: { name: 'web-1', revision: 9 } });
    controller.list('/v1/container-status', []);
    expect(await svcctl(['rm', 'web-1', '--timeout', '1s'])).toEqual({
      code: 6,
      stdout: 'container/web-1 removed\n',
      stderr: 'svcctl: waiting for hosts to hear of containers: not within 1 s: web-1 on host-1\n',
    });
  });
});
