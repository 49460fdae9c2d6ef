import { beforeEach, describe, expect, it } from 'vitest';
import { run } from '../cli.ts';
import { node, problem, service } from '../support/fake-controller.ts';
import { fakeIo } from '../support/fake-io.ts';
import { useSession } from '../support/session.ts';

const session = useSession();
const { controller, svcctl } = session;

const endpoint = { portName: '', address: '10.10.1.2', port: 12345, ref: 'web-1:12345', container: 'web-1' };

beforeEach(() => {
  controller
    .list('/v1/services', [service('web'), service('db')])
    .answer('GET', '/v1/services/web', { body: service('web') })
    .answer('GET', '/v1/services/nope', problem('not-found', 404, 'there is no service "nope"'))
    .list('/v1/services/web/endpoints', [endpoint])
    .list('/v1/subnets', [
      { subnet: '10.10.1.0/24', publicIp: '192.168.122.11', backendType: 'host-gw', revision: 2 },
    ])
    .list('/v1/containers', []);
});

describe('svcctl get', () => {
  it('lists, plain when piped', async () => {
    expect(await svcctl(['get', 'svc'])).toEqual({
      code: 0,
      stdout:
        'NAME   VIP       PORTS   NODE-PORTS   ENDPOINTS\n' +
        'web    2.2.2.2   88      30001        2\n' +
        'db     2.2.2.2   88      30001        2\n',
      stderr: '',
    });
  });

  it('shows one by name, and the endpoints of a service', async () => {
    expect((await svcctl(['get', 'service', 'web', '--no-headers'])).stdout).toMatch(/^web .*\n$/);
    expect((await svcctl(['get', 'service/web', '-o', 'name'])).stdout).toBe('service/web\n');
    expect((await svcctl(['get', 'ep', 'web'])).stdout).toMatch(
      /\nweb +10\.10\.1\.2:12345 +ready +1 +web-1 +- +-\n$/,
    );
    expect((await svcctl(['get', 'subnet', '10.10.1.0/24', '-o', 'name'])).stdout).toBe(
      'subnet/10.10.1.0/24\n',
    );
  });

  it('shows the VIPs of both families, and how many endpoints are ready of how many', async () => {
    const half = {
      ...{ vips: ['2.2.2.2', 'fd00::2'], selector: { app: 'web', tier: 'front' } },
      status: { endpoints: 2, ready: 1, unresolved: [] },
    };
    controller.list('/v1/services', [service('web', half)]);
    expect((await svcctl(['get', 'svc'])).stdout).toMatch(/\nweb +2\.2\.2\.2,fd00::2 +88 +30001 +1\/2\n$/);
    const wide = (await svcctl(['get', 'svc', '-o', 'wide'])).stdout;
    expect(wide).toMatch(/ 1\/2 +10\.10\.1\.2:12345,10\.10\.2\.2:12345 +app=web,tier=front /);
  });

  it('says on stderr that there is nothing', async () => {
    expect(await svcctl(['get', 'containers'])).toEqual({
      code: 0,
      stdout: '',
      stderr: 'svcctl: there are no containers\n',
    });
    expect(await svcctl(['get', 'containers', '-o', 'name'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it.each([
    [['get', 'service', 'nope'], 3, 'there is no service "nope"'],
    [['get', 'subnet', '10.10.9.0/24'], 3, 'subnet "10.10.9.0/24" does not exist'],
    [['get', 'service', 'nope', '-w'], 3, 'there is no service "nope"'],
    [['get', 'service', '../nodes'], 2, 'name "../nodes" is not a name'],
    [
      ['get', 'pods'],
      2,
      'type "pods" is none of nodes, subnets, services, endpoints, containers, workloads, policies, reservations, events',
    ],
    [['get'], 2, "missing required argument 'type'"],
  ])('%j ends with %i', async (argv, code, sentence) => {
    const result = await svcctl(argv);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(`svcctl: ${sentence}`);
  });

  it('ends with 5 when nobody answers', async () => {
    const { code, stderr } = await svcctl(['get', 'nodes', '--server', 'unix:/nonexistent/x.sock']);
    expect(code).toBe(5);
    expect(stderr).toContain('there is no such socket: is the controller running?');
  });

  it('prints names without their control characters', async () => {
    controller.list('/v1/nodes', [node('host\u001b]0;owned\u0007', 1)]);
    for (const output of [[], ['-o', 'wide'], ['-o', 'json'], ['-o', 'yaml'], ['-o', 'name']])
      expect((await svcctl(['get', 'nodes', ...output])).stdout).not.toMatch(/[^\P{Cc}\n]/u);
  });
});

describe('svcctl get --watch', () => {
  /** Runs until `lines` lines came; the stream is never ended by svcctl itself. */
  async function watch(argv: readonly string[], lines: number, during: () => void): Promise<string[]> {
    const io = fakeIo({ env: session.env });
    let full: () => void = () => {};
    const enough = new Promise<void>((resolve) => {
      full = resolve;
    });
    const out = (text: string): void => {
      io.out(text);
      if (io.stdout().split('\n').length > lines) full();
    };
    void run(argv, { ...io, out });
    await controller.watched('/v1/nodes');
    during();
    await enough;
    return io.stdout().trimEnd().split('\n');
  }

  const happen = (): void => {
    controller.send('/v1/nodes', 'modified', node('host-1', 2, { alive: false }));
    controller.send('/v1/nodes', 'modified', node('host-1', 3, { alive: false }));
    controller.send('/v1/nodes', 'deleted', node('host-1', 3, { alive: false }));
  };
  beforeEach(() => controller.list('/v1/nodes', [node('host-1', 1)]));

  it('prints what is there, then a line for each change that shows', async () => {
    const lines = await watch(['get', 'nodes', '-w'], 4, happen);
    expect(lines.map((line) => line.split(/ +/).slice(0, 3).join(' '))).toEqual([
      'EVENT NAME STATE',
      'added host-1 alive',
      'modified host-1 dead',
      'deleted host-1 dead',
    ]);
  });

  it('prints JSON, an object a line', async () => {
    const lines = await watch(['get', 'no', '-w', '-o', 'json'], 4, happen);
    const changes = lines.map((line): unknown => JSON.parse(line));
    expect(changes[0]).toMatchObject({ event: 'added', object: { kind: 'Node', name: 'host-1' } });
    expect(changes[3]).toMatchObject({ event: 'deleted' });
  });

  it('prints names', async () => {
    const lines = await watch(['get', 'nodes', '-w', '-o', 'name'], 4, happen);
    expect(lines).toEqual(['node/host-1', 'node/host-1', 'node/host-1', 'node/host-1 deleted']);
  });
});
