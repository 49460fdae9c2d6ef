import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { node, service } from '../support/fake-controller.ts';
import { openSession } from '../support/session.ts';

type Session = Awaited<ReturnType<typeof openSession>>;
let session: Session;
let controller: Session['controller'];
let svcctl: Session['svcctl'];

beforeEach(async () => {
  session = await openSession();
  ({ controller, svcctl } = session);
  controller
    .answer('GET', '/version', { body: { version: '0.1.0' } })
    .answer('GET', '/readyz', { text: '[+]etcd ok\n[!]node host-1 is not alive\nreadyz check passed\n' })
    .list('/v1/nodes', [node('host-1', 9)])
    .list('/v1/services', [service('web', { revision: 8 })])
    .list('/v1/endpoints', [{ revision: 9 }]);
});
afterEach(() => session.close());

const hollow = service('hollow', { endpoints: [], status: { endpoints: 0, unresolved: [] } });

describe('svcctl status', () => {
  it('shows a healthy cluster on one screen and ends with 0', async () => {
    controller.list('/v1/services', [service('web'), hollow]);
    const { code, stdout, stderr } = await svcctl(['status']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^controller +0\.1\.0 at http:\/\/127/);
    expect(stdout).toContain('\netcd         ok\nhosts        1 of 1 alive\n');
    expect(stdout).toContain('\nservices     2, without endpoints: hollow\n\nHOST ');
    expect(stdout).toMatch(/\nhost-1 +alive +10\.10\.1\.0\/24 +nftables +0 +4ms +0\n$/);
  });

  const { report: _report, ...silent } = node('host-1', 0);
  const problems = { ...node('host-1', 9).report, problems: ['route to 10.10.2.0/24 is missing'] };
  const lost = service('lost', { endpoints: ['gone:1'], status: { endpoints: 0, unresolved: ['x'] } });
  it.each([
    ['/v1/nodes', [], 'no host has joined'],
    ['/v1/nodes', [node('host-1', 9, { alive: false })], 'host-1 is not alive'],
    ['/v1/nodes', [silent], 'host-1 has not reported what its kernel holds'],
    ['/v1/nodes', [node('host-1', 7)], 'host-1 is 2 changes behind'],
    ['/v1/nodes', [{ ...node('host-1', 9), report: problems }], 'host-1: route to 10.10.2.0/24 is missing'],
    ['/v1/services', [lost], 'none of service lost’s targets runs'],
  ])('is degraded by %s %#', async (path, items, sentence) => {
    controller.list(path, items);
    const { code, stderr } = await svcctl(['status']);
    expect([code, stderr]).toEqual([7, `svcctl: the cluster is degraded: ${sentence}\n`]);
  });

  it('is degraded, and still answers, while etcd is away', async () => {
    const text = '[-]etcd failed: no answer after 2000 ms\nreadyz check failed\n';
    controller.answer('GET', '/readyz', { status: 503, text });
    const { code, stdout, stderr } = await svcctl(['status', '-o', 'json']);
    expect(code).toBe(7);
    const faults = ['etcd failed: no answer after 2000 ms'];
    expect(JSON.parse(stdout)).toMatchObject({ controller: { faults }, etcd: { ok: false } });
    expect(stderr).toContain(`the controller is not ready: ${faults[0]}`);
  });

  it('is degraded by a key in etcd that nobody can read', async () => {
    controller.answer('GET', '/readyz', {
      text: '[+]etcd ok\n[!]key "/x" is not JSON\nreadyz check passed\n',
    });
    expect((await svcctl(['status'])).stderr).toBe('svcctl: the cluster is degraded: key "/x" is not JSON\n');
  });

  it('names the key that keeps the controller from being ready', async () => {
    const text =
      '[+]etcd ok\n[-]network configuration failed\n[!]key "/x" is not JSON\nreadyz check failed\n';
    controller.answer('GET', '/readyz', { status: 503, text });
    const { code, stderr } = await svcctl(['status']);
    expect([code, stderr]).toEqual([
      7,
      'svcctl: the cluster is degraded: the controller is not ready: network configuration failed; key "/x" is not JSON\n',
    ]);
  });

  it('waits until all is well', async () => {
    let asked = 0;
    controller.on(({ path }) =>
      path === '/v1/nodes' && ++asked < 2 ? { body: { items: [], revision: 1 } } : undefined,
    );
    expect((await svcctl(['status', '--wait'])).code).toBe(0);
    expect(asked).toBe(2);
  });

  it('ends with 6 and the last reason when it takes too long', async () => {
    controller.list('/v1/nodes', []);
    const { code, stderr } = await svcctl(['status', '--wait', '--timeout', '10ms']);
    expect([code, stderr]).toEqual([
      6,
      'svcctl: waiting for a healthy cluster: not within 10 ms: no host has joined\n',
    ]);
  });

  it('ends with 5 when nobody answers', async () => {
    expect((await svcctl(['--server', 'unix:/nonexistent/x.sock', 'status'])).code).toBe(5);
  });
});
