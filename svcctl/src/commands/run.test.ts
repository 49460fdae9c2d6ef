import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Client } from '../client/client.ts';
import { node, problem } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

describe('svcctl run', () => {
  const RUN = ['run', 'web-1', '--host', 'host-1', '--label', 'app=web,tier=front'];
  const BOX = { name: 'web-1', host: 'host-1', command: ['httpd', '-f'], files: {}, revision: 5 };

  it('starts a container with labels', async () => {
    controller.answer('POST', '/v1/containers', { status: 201, body: BOX });
    expect((await svcctl([...RUN, '--', 'httpd', '-f', '--wait'])).stdout).toBe(
      'container/web-1 created  on host-1\n',
    );
    expect(controller.asked.filter(({ method }) => method === 'POST').map(({ body }) => body)).toEqual([
      {
        ...{ name: 'web-1', host: 'host-1', command: ['httpd', '-f', '--wait'] },
        labels: { app: 'web', tier: 'front' },
      },
    ]);
  });

  it.each([
    ['run', [...RUN, '--', 'httpd']],
    ['apply', ['apply', '-f', '-']],
  ])('%s waits for an earlier container of the name to be stopped', async (_, argv) => {
    controller.answer('POST', '/v1/containers', { status: 201, body: BOX });
    controller.answer('GET', '/v1/containers/web-1', { status: 404, body: {} });
    const ask = vi.spyOn(Client.prototype, 'ask');
    onTestFinished(() => ask.mockRestore());
    const stdin = 'kind: Container\nname: web-1\nhost: host-1\ncommand: [httpd]\n';
    expect((await svcctl(argv, { stdin: async () => stdin })).code).toBe(0);
    const patience = ask.mock.calls.map(([method, , { silenceMs } = {}]) => method === 'POST' && silenceMs);
    // The controller gives it 15 s, and its own view of etcd some more.
    expect(Math.max(...patience.map(Number))).toBeGreaterThanOrEqual(20_000);
  });

  it('waits until it runs, or says why it does not', async () => {
    controller.answer('POST', '/v1/containers', { status: 200, body: BOX });
    const status = { name: 'web-1', host: 'host-1', state: 'running' };
    controller.list('/v1/containers', [{ ...BOX, status }]);
    expect(await svcctl([...RUN, '--wait', '--', 'httpd'])).toMatchObject({
      code: 0,
      stdout: 'container/web-1 unchanged  on host-1\n',
    });
    const failed = { ...status, state: 'failed', reason: 'no such program' };
    controller.list('/v1/containers', [{ ...BOX, status: failed }]);
    const { code, stderr } = await svcctl([...RUN, '--wait', '--', 'httpd']);
    expect(code).toBe(7);
    expect(stderr).toContain('container web-1 on host-1 does not run: no such program');
  });

  it.each([
    ['run', 'return when the container runs'],
    ['attach', 'It returns when the container has its eth0.'],
    ['policy apply', 'return when every host’s kernel holds the change'],
  ])('%s --help says what is waited for', async (command, sentence) => {
    const { stdout } = await svcctl([...command.split(' '), '--help']);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(sentence);
  });

  it('sends everything that it was told', async () => {
    controller.answer('POST', '/v1/containers', { status: 201, body: BOX });
    const flags = [
      ...[
        '--image',
        'web:2',
        '--cpus',
        '0.5',
        '--memory',
        '64M',
        '--env',
        'A=1=2',
        '--env',
        'B=',
        '--user-namespace',
      ],
      ...[
        '--publish',
        '8080:80',
        '--publish',
        '53:53/udp',
        '--mount',
        '/a:/b:ro',
        '--user',
        '1000',
        '--workdir',
        '/w',
      ],
      ...[
        '--hostname',
        'h',
        '--restart',
        'no',
        '--stop-timeout',
        '2m',
        '--ip',
        '10.10.1.5',
        '--mac',
        '0a:58:0a:0a:01:05',
      ],
    ];
    expect((await svcctl(['run', 'web-1', '--host', 'host-1', ...flags])).code).toBe(0);
    expect(controller.asked[0]?.body).toEqual({
      ...{ name: 'web-1', host: 'host-1', command: [], image: 'web:2', cpus: 0.5, memoryBytes: 67108864 },
      ...{ env: { A: '1=2', B: '' }, publish: ['8080:80', '53:53/udp'], mounts: ['/a:/b:ro'] },
      ...{ user: '1000', workdir: '/w', hostname: 'h', restart: 'no', userNamespace: true, stopSeconds: 120 },
      network: { kind: 'bridge', address: '10.10.1.5', mac: '0a:58:0a:0a:01:05' },
    });
  });

  it.each([
    [['--network', 'container:db'], { kind: 'container', container: 'db' }],
    [['--network', 'host'], { kind: 'host' }],
    [['--network', 'p2p:db', '--ip', '10.0.0.1'], { kind: 'p2p', peer: 'db', address: '10.0.0.1' }],
    [
      ['--network', 'macvlan:eth0', '--address', '10.0.0.5/24', '--gateway', '10.0.0.1'],
      { kind: 'macvlan', device: 'eth0', addresses: ['10.0.0.5/24'], gateways: ['10.0.0.1'] },
    ],
  ])('asks for the network of %j', async (flags, network) => {
    controller.answer('POST', '/v1/containers', { status: 201, body: BOX });
    await svcctl([...RUN, ...flags, '--', 'httpd']);
    expect(controller.asked[0]?.body).toMatchObject({ network });
  });

  it('tells faults by its flags, and that a host is away', async () => {
    controller.answer(
      'POST',
      '/v1/containers',
      problem('invalid', 422, 'memoryBytes 5 is not a limit', 'memoryBytes'),
    );
    expect((await svcctl([...RUN, '--memory', '5', '--', 'x'])).stderr).toBe(
      'svcctl: memory 5 is not a limit\n',
    );
    controller.answer('POST', '/v1/containers', { status: 201, body: BOX });
    controller.list('/v1/nodes', [node('host-1', 1, { alive: false })]);
    expect((await svcctl([...RUN, '--', 'x'])).stderr).toBe(
      'svcctl: host host-1 is not alive: this happens there when its agent is back\n',
    );
  });

  it.each([
    [['run', 'web-1', '--', 'httpd'], "required option '--host <name>' not specified"],
    [[...RUN, '--env', 'x', '--', 'httpd'], 'env "x" is not KEY=VALUE'],
    [[...RUN, '--memory', '999999999T', '--', 'httpd'], 'memory "999999999T" is not an amount of memory'],
    [[...RUN, '--memory', 'much', '--', 'httpd'], 'memory "much" is not an amount of memory'],
    [[...RUN, '--cpus', 'half', '--', 'httpd'], 'cpus "half" is not a number of processors'],
    [[...RUN, '--restart', 'never', '--', 'httpd'], 'restart "never" is none of always, on-failure, no'],
    [[...RUN, '--network', 'overlay', '--', 'httpd'], 'network "overlay" is not a network mode'],
    [
      [...RUN, '--network', 'host', '--ip', '10.10.1.5', '--', 'x'],
      'ip "10.10.1.5" is for --network bridge and p2p, not for host',
    ],
    [
      [...RUN, '--address', '10.0.0.5/24', '--', 'x'],
      'address "10.0.0.5/24" is for --network macvlan, not for bridge',
    ],
    [
      [...RUN, '--stop-timeout', '1.5s', '--', 'x'],
      'stop-timeout "1.5s" is not a number of whole seconds such as 10s',
    ],
    [[...RUN, '--label', 'x', '--', 'httpd'], 'label "x" is not KEY=VALUE'],
  ])('%j is refused and asks nobody', async (argv, sentence) => {
    const { code, stderr } = await svcctl(argv);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
    expect(controller.asked).toEqual([]);
  });
});
