import { describe, expect, it } from 'vitest';
import { box, status } from '../support/containers.ts';
import { node, problem } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

describe('svcctl ps', () => {
  it('lists what runs, and with -a everything', async () => {
    const started = new Date(Date.now() - 65_000).toISOString();
    controller.list('/v1/containers', [
      box('web-1', {
        image: { name: 'web:2' },
        publish: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
        ...status('running', { address: '10.10.1.2', startedAt: started }),
      }),
      box('theirs', { attach: { kind: 'docker', id: 'db' }, ...status('detached') }),
      box('job', status('exited', { exitCode: 3 })),
      box('new', { status: undefined }),
    ]);
    const running = (await svcctl(['ps'])).stdout;
    expect(running.replaceAll(/ {2,}/g, ' | ').split('\n')).toEqual([
      'NAME | HOST | IMAGE | STATE | ADDRESS | PORTS | AGE',
      expect.stringMatching(/^web-1 \| host-1 \| web:2 \| running \| 10\.10\.1\.2 \| 8080:80 \| 1m\ds$/),
      'theirs | host-1 | docker:db | detached | - | - | -',
      'new | host-1 | busybox | waiting | - | - | -',
      '',
    ]);
    for (const command of [
      ['ps', '-a'],
      ['get', 'containers'],
    ])
      expect((await svcctl(command)).stdout).toContain('exited (3)');
    expect((await svcctl(['ps', '-a', '-o', 'name'])).stdout).toContain('container/job\n');
  });

  it('says when nothing runs', async () => {
    controller.list('/v1/containers', [box('job', status('stopped'))]);
    expect((await svcctl(['ps'])).stderr).toBe('svcctl: no container runs; "svcctl ps -a" shows all 1\n');
    controller.list('/v1/containers', []);
    expect((await svcctl(['ps', '-a'])).stderr).toBe('svcctl: there are no containers\n');
  });
});

it.each(['web-1', 'container/web-1'])('svcctl logs %s', async (name) => {
  controller.answer('GET', '/v1/containers/web-1/log', { text: '2026-01-01T00:00:00Z stdout F hello\n' });
  const { code, stderr } = await svcctl(['logs', name, '--tail', '5']);
  expect([code, stderr]).toEqual([0, '']);
  expect(controller.asked.map(({ path, query }) => [path, query])).toEqual([
    ['/v1/containers/web-1/log', { tail: '5' }],
  ]);
});

describe('svcctl inspect', () => {
  it('shows the definition, the state and the endpoints that it is', async () => {
    controller.answer('GET', '/v1/containers/web-1', {
      body: box('web-1', {
        ...{
          command: ['sh', '-c', "echo it's"],
          env: { A: '1' },
          memoryBytes: 67108864,
          cpus: 0.5,
          userNamespace: true,
        },
        mounts: [{ source: '/a', destination: '/b', readOnly: true }],
        network: { kind: 'bridge', address: '10.10.1.2' },
        labels: { app: 'web' },
      }),
    });
    const endpoint = { service: 'web', portName: '', address: '10.10.1.2', port: 80, container: 'web-1' };
    controller.list('/v1/endpoints', [endpoint, { ...endpoint, container: 'web-2', address: '10.10.2.2' }]);
    const { stdout } = await svcctl(['inspect', 'container/web-1']);
    for (const line of [
      /^Command: +sh -c 'echo it'\\''s'$/m,
      /^Limits: +0\.5 processors\n +64M of memory$/m,
      /^Mounts: +\/a at \/b, read only$/m,
      /^Network: +bridge\n +chosen 10\.10\.1\.2$/m,
      /^Endpoints: +web at 10\.10\.1\.2:80: ready$/m,
      /^Root: +is nobody on the host$/m,
    ])
      expect(stdout).toMatch(line);
    expect(stdout).not.toContain('10.10.2.2');
    const json = JSON.parse((await svcctl(['inspect', 'web-1', '-o', 'json'])).stdout);
    expect(json).toMatchObject({ kind: 'Container', name: 'web-1', endpoints: [endpoint] });
  });

  it('is told of one that is not there', async () => {
    controller.answer(
      'GET',
      '/v1/containers/no',
      problem('not-found', 404, 'there is no container "no"', 'name'),
    );
    controller.list('/v1/endpoints', []);
    expect((await svcctl(['inspect', 'no'])).code).toBe(3);
  });
});

describe('svcctl stop and start', () => {
  const answer = (verb: string, changed: boolean) =>
    controller.answer('POST', `/v1/containers/web-1/${verb}`, {
      body: box('web-1'),
      headers: { 'x-causeway-changed': String(changed) },
    });

  it('say what they changed, and wait for it', async () => {
    answer('stop', true);
    controller.list('/v1/containers', [box('web-1')]);
    const waiting = svcctl(['stop', 'web-1']);
    await controller.watched('/v1/containers');
    controller.send('/v1/containers', 'modified', box('web-1', status('stopped')));
    expect(await waiting).toMatchObject({ code: 0, stdout: 'container/web-1 stopped  on host-1\n' });
    answer('start', false);
    controller.list('/v1/containers', [box('web-1')]);
    expect((await svcctl(['start', 'web-1'])).stdout).toBe('container/web-1 unchanged  on host-1\n');
  });

  it('wait for nothing on a host that is away, nor when they are told not to', async () => {
    answer('stop', true);
    expect(await svcctl(['stop', 'web-1', '--no-wait'])).toMatchObject({ code: 0, stderr: '' });
    controller.list('/v1/nodes', [node('host-1', 1, { alive: false })]);
    expect(await svcctl(['stop', 'web-1'])).toMatchObject({
      code: 7,
      stderr:
        'svcctl: host host-1 is not alive: this happens there when its agent is back\nsvcctl: nothing was waited for on host-1\n',
    });
  });

  it('do not take what was before for what became of it', async () => {
    answer('start', true);
    controller.list('/v1/containers', [
      box('web-1', { revision: 9, generation: 1, ...status('exited', { exitCode: 1 }) }),
    ]);
    const waiting = svcctl(['start', 'web-1']);
    await controller.watched('/v1/containers');
    const told = status('exited', { exitCode: 4, revision: 10 });
    controller.send('/v1/containers', 'modified', box('web-1', { revision: 9, generation: 1, ...told }));
    const { code, stderr } = await waiting;
    expect([code, stderr]).toEqual([7, 'svcctl: container web-1 on host-1 has ended with exit code 4\n']);
  });
});

describe('svcctl rm', () => {
  it('removes what does not run, and by force the rest', async () => {
    controller.answer('GET', '/v1/containers/web-1', { body: box('web-1') });
    controller.on(({ method, query }) =>
      method !== 'DELETE'
        ? undefined
        : query.force === 'true'
          ? { body: { name: 'web-1', revision: 9 } }
          : problem('conflict', 409, 'container "web-1" is running on host-1', 'name'),
    );
    expect(await svcctl(['rm', 'web-1'])).toMatchObject({
      code: 4,
      stderr: 'svcctl: container "web-1" is running on host-1\n',
    });
    controller.list('/v1/container-status', []);
    expect(await svcctl(['rm', 'web-1', '--force'])).toMatchObject({
      code: 0,
      stdout: 'container/web-1 removed\n',
    });
  });

  it('leaves somebody else’s to detach, and detach leaves ours to it', async () => {
    controller.answer('GET', '/v1/containers/web-1', { body: box('web-1') });
    controller.answer('GET', '/v1/containers/db', {
      body: box('db', { attach: { kind: 'docker', id: 'db' } }),
    });
    expect((await svcctl(['rm', 'db'])).stderr).toContain('"svcctl detach db" lets it go');
    expect((await svcctl(['detach', 'web-1'])).stderr).toContain('"svcctl rm web-1" removes it');
    expect(controller.writes()).toEqual([]);
    controller.answer('DELETE', '/v1/containers/db', { body: { name: 'db', revision: 9 } });
    controller.list('/v1/container-status', []);
    expect((await svcctl(['detach', 'db'])).stdout).toBe('container/db detached\n');
  });
});

describe('svcctl attach', () => {
  it.each([
    ['docker:web', [], { name: 'web', attach: 'docker:web' }],
    ['docker:Web_1', [], { name: 'web-1', attach: 'docker:Web_1' }],
    ['pid:4711', [], { name: 'pid-4711', attach: 'pid:4711' }],
    ['netns:/run/netns/lab', ['--name', 'x'], { name: 'x', attach: 'netns:/run/netns/lab' }],
    [
      'containerd:default/abc',
      ['--ip', '10.10.1.5'],
      { name: 'abc', network: { kind: 'bridge', address: '10.10.1.5' } },
    ],
  ])('%s %j', async (target, flags, body) => {
    controller.answer('POST', '/v1/containers', { status: 201, body: box('web') });
    controller.list('/v1/containers', [box(body.name)]);
    const { code, stdout } = await svcctl([
      'attach',
      target,
      '--host',
      'host-1',
      '--label',
      'app=web',
      ...flags,
    ]);
    expect([code, stdout]).toEqual([0, `container/${body.name} attached  ${target} on host-1\n`]);
    expect(controller.asked[0]?.body).toMatchObject({ ...body, host: 'host-1', labels: { app: 'web' } });
  });

  it('says how to take back the definition of what could not be attached', async () => {
    const status = { host: 'host-1', state: 'failed', reason: 'attaching docker:web: there is none' };
    const web = box('web', { attach: { kind: 'docker', id: 'web' }, status: { ...status, revision: 2 } });
    controller.answer('POST', '/v1/containers', { status: 201, body: web });
    controller.list('/v1/containers', [{ ...web, revision: 1 }]);
    const { code, stdout, stderr } = await svcctl(['attach', 'docker:web', '--host', 'host-1']);
    expect([code, stdout]).toEqual([7, '']);
    expect(stderr).toContain(
      'attaching docker:web: there is none; it is tried again until "svcctl detach web" takes the definition back',
    );
  });

  it('waits for nothing when it is told not to, or when the host is away', async () => {
    controller.answer('POST', '/v1/containers', { status: 201, body: box('web') });
    const ATTACH = ['attach', 'docker:web', '--host', 'host-1'];
    const told = { code: 0, stdout: 'container/web created  docker:web on host-1\n', stderr: '' };
    expect(await svcctl([...ATTACH, '--no-wait'])).toMatchObject(told);
    controller.list('/v1/nodes', [node('host-1', 1, { alive: false })]);
    const { code, stdout, stderr } = await svcctl(ATTACH);
    expect([code, stdout]).toEqual([7, told.stdout]);
    expect(stderr).toContain('nothing was waited for on host-1');
  });

  it.each([
    ['web', 'target "web" is not a container of others: "docker:NAME"'],
    ['podman:web', 'target "podman:web" is not a container of others'],
    ['netns:/', 'target "netns:/" gives no name that a container can have: choose one with --name'],
  ])('%s is refused', async (target, sentence) => {
    const { code, stderr } = await svcctl(['attach', target, '--host', 'host-1']);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
    expect(controller.asked).toEqual([]);
  });
});
