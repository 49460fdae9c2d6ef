import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { node, problem, service } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

beforeEach(() => {
  controller.on(({ method, path }) => {
    if (method === 'DELETE' && path.endsWith('/gone'))
      return problem('not-found', 404, 'there is no service "gone"');
    return method === 'DELETE' ? { body: {}, headers: { 'x-causeway-revision': '9' } } : undefined;
  });
});

describe('svcctl unexpose', () => {
  it('takes a name, a type and a name, or an address', async () => {
    const several = service('several', { vips: ['3.3.3.3'], ports: [{ port: 1 }, { port: 2 }] });
    controller.list('/v1/services', [service('web'), several]);
    for (const which of ['web', 'service/web', '2.2.2.2:88'])
      expect(await svcctl(['unexpose', which])).toEqual({
        code: 0,
        stdout: 'service/web deleted\n',
        stderr: '',
      });
    for (const which of ['2.2.2.2:89', '2.2.2.2:88/udp', 'none:88'])
      expect((await svcctl(['unexpose', which])).code).toBe(3);
    expect(await svcctl(['unexpose', '3.3.3.3:1'])).toMatchObject({ code: 4, stdout: '' });
    expect(controller.writes()).toEqual(Array(3).fill('DELETE /v1/services/web'));
  });

  it('takes an address of IPv6 in brackets, however it is written', async () => {
    controller.list('/v1/services', [service('six', { vips: ['fd00::2'] })]);
    for (const which of ['[fd00::2]:88', '[FD00:0:0::2]:88/tcp'])
      expect((await svcctl(['unexpose', which])).stdout).toBe('service/six deleted\n');
    controller.list('/v1/services', [service('both', { vips: ['2.2.2.2', 'fd00::2'] })]);
    expect(await svcctl(['unexpose', '2.2.2.2:88'])).toMatchObject({
      code: 4,
      stderr:
        'svcctl: service "both" has several VIPs (2.2.2.2:88, [fd00::2]:88): ' +
        'take it away whole with svcctl unexpose both\n',
    });
  });

  it('waits for the hosts, by the revision of the deletion', async () => {
    controller.list('/v1/nodes', [node('host-1', 9)]);
    expect((await svcctl(['unexpose', 'web', '--wait'])).stdout).toMatch(
      /deleted\n {2}host-1 {2}applied after/,
    );
    controller.list('/v1/nodes', [node('host-1', 8)]);
    expect((await svcctl(['unexpose', 'web', '--wait', '--timeout', '20ms'])).code).toBe(6);
  });

  it.each([
    ['gone', 3],
    ['', 2],
    ['../../nodes', 2],
    ['node/host-1', 2],
  ])('of %j ends with %i', async (which, code) => {
    expect((await svcctl(['unexpose', which])).code).toBe(code);
  });
});

describe('svcctl delete', () => {
  it('deletes one object', async () => {
    expect((await svcctl(['delete', 'svc', 'web'])).stdout).toBe('service/web deleted\n');
    expect((await svcctl(['delete', 'container/box', '--dry-run'])).stdout).toBe(
      'container/box deleted (dry run)\n',
    );
    expect((await svcctl(['delete', 'workload', 'db-1'])).stdout).toBe('workload/db-1 deleted\n');
    expect(controller.writes()).toEqual([
      'DELETE /v1/services/web',
      'DELETE /v1/containers/box?dryRun',
      'DELETE /v1/workloads/db-1',
    ]);
  });

  it('deletes the objects of a file, services first, and goes on when one is gone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'svcctl-'));
    const file = join(folder, 'x.yaml');
    const kinds = [
      ['Container', 'box'],
      ['Workload', 'db'],
      ['Service', 'gone'],
      ['Service', 'web'],
    ];
    writeFileSync(file, kinds.map(([kind, name]) => `kind: ${kind}\nname: ${name}\n`).join('---\n'));
    const result = await svcctl(['delete', '-f', file]);
    rmSync(folder, { recursive: true });
    expect(result).toEqual({
      code: 3,
      stdout: 'service/web deleted\ncontainer/box deleted\nworkload/db deleted\n',
      stderr: 'svcctl: there is no service "gone"\n',
    });
  });

  it.each([
    [['delete'], 'name what to delete'],
    [['delete', 'service'], 'name of the service "" is not a name'],
    [['delete', 'node', 'host-1'], 'type "node" is none of services, containers, workloads'],
    [['delete', 'service', 'web', '-f', 'x'], 'type "service" and a file exclude each other'],
  ])('%j is refused', async (argv, sentence) => {
    const { code, stderr } = await svcctl(argv);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
  });
});
