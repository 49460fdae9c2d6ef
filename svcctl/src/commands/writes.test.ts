import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { node, problem, service } from '../support/fake-controller.ts';
import { openSession } from '../support/session.ts';

type Session = Awaited<ReturnType<typeof openSession>>;
let session: Session;
let controller: Session['controller'];
let svcctl: Session['svcctl'];

beforeEach(async () => {
  session = await openSession();
  ({ controller, svcctl } = session);
  controller.on(({ method, path }) => {
    if (method === 'DELETE' && path.endsWith('/gone'))
      return problem('not-found', 404, 'there is no service "gone"');
    return method === 'DELETE' ? { body: {}, headers: { 'x-causeway-revision': '9' } } : undefined;
  });
});
afterEach(() => session.close());

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
    expect((await svcctl(['unexpose', '2.2.2.2:89'])).code).toBe(3);
    expect(await svcctl(['unexpose', '3.3.3.3:1'])).toMatchObject({ code: 4, stdout: '' });
    expect(controller.writes()).toEqual(Array(3).fill('DELETE /v1/services/web'));
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

describe('svcctl endpoint', () => {
  it('adds, and says when there was nothing to add', async () => {
    const held = [{ to: 'a:1' }];
    controller.on(({ method, body }) => {
      const { to } = (body ?? {}) as { to?: string };
      if (method === 'POST' && to !== undefined && held.every((one) => one.to !== to)) held.push({ to });
      return method === 'DELETE' ? undefined : { body: service('web', { endpoints: [...held] }) };
    });
    const { code, stdout } = await svcctl(['endpoint', 'add', 'web', 'a:1', '10.10.1.2:80']);
    expect([code, stdout]).toEqual([0, 'endpoint/web/a:1 unchanged\nendpoint/web/10.10.1.2:80 added\n']);
    const posts = controller.asked.filter(({ method }) => method === 'POST');
    expect(posts.map(({ path, body }) => [path, body])).toEqual([
      ['/v1/services/web/endpoints', { to: 'a:1' }],
      ['/v1/services/web/endpoints', { to: '10.10.1.2:80' }],
    ]);
  });

  it('removes', async () => {
    expect((await svcctl(['endpoint', 'rm', 'web', '10.10.1.2:80'])).stdout).toBe(
      'endpoint/web/10.10.1.2:80 removed\n',
    );
    expect(controller.asked[0]?.path).toBe('/v1/services/web/endpoints/10.10.1.2%3A80');
  });

  it('lists', async () => {
    controller.list('/v1/services/web/endpoints', []);
    expect(await svcctl(['endpoint', 'list', 'web'])).toEqual({
      code: 0,
      stdout: '',
      stderr: 'svcctl: service "web" has no endpoints: connections are refused\n',
    });
  });

  it('alone shows its help and ends with 2', async () => {
    const { code, stdout, stderr } = await svcctl(['endpoint']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('svcctl endpoint add web 10.10.1.2:12345');
  });
});

describe('svcctl delete', () => {
  it('deletes one object', async () => {
    expect((await svcctl(['delete', 'svc', 'web'])).stdout).toBe('service/web deleted\n');
    expect((await svcctl(['delete', 'container/box', '--dry-run'])).stdout).toBe(
      'container/box deleted (dry run)\n',
    );
    expect(controller.writes()).toEqual(['DELETE /v1/services/web', 'DELETE /v1/containers/box?dryRun']);
  });

  it('deletes the objects of a file, services first, and goes on when one is gone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'svcctl-'));
    const file = join(folder, 'x.yaml');
    const kinds = [
      ['Container', 'box'],
      ['Service', 'gone'],
      ['Service', 'web'],
    ];
    writeFileSync(file, kinds.map(([kind, name]) => `kind: ${kind}\nname: ${name}\n`).join('---\n'));
    const result = await svcctl(['delete', '-f', file]);
    rmSync(folder, { recursive: true });
    expect(result).toEqual({
      code: 3,
      stdout: 'service/web deleted\ncontainer/box deleted\n',
      stderr: 'svcctl: there is no service "gone"\n',
    });
  });

  it.each([
    [['delete'], 'name what to delete'],
    [['delete', 'service'], 'name of the service "" is not a name'],
    [['delete', 'node', 'host-1'], 'type "node" is none of services, containers'],
    [['delete', 'service', 'web', '-f', 'x'], 'type "service" and a file exclude each other'],
  ])('%j is refused', async (argv, sentence) => {
    const { code, stderr } = await svcctl(argv);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
  });
});
