import { describe, expect, it } from 'vitest';
import { node, problem } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

const PLAN = {
  name: 'host-1',
  cordoned: false,
  drained: false,
  reservations: [] as readonly string[],
  changed: true,
  warnings: [] as readonly string[],
  revision: 12,
  servicesRevision: 0,
};
const plan = (verb: string, changes: Partial<typeof PLAN> = {}) =>
  controller.answer('POST', `/v1/nodes/host-1/${verb}`, { body: { ...PLAN, ...changes } });

describe('svcctl node', () => {
  it('reserves what is named, and repeats warnings', async () => {
    plan('reserve', {
      reservations: ['10.10.9.0/24'],
      warnings: ['host "host-1" goes on with 10.10.1.0/24'],
    });
    expect(await svcctl(['node', 'reserve', 'host-1', '--subnet', '10.10.9.0/24', '--ahead'])).toEqual({
      code: 0,
      stdout: 'node/host-1 has 10.10.9.0/24 reserved\n',
      stderr: 'svcctl: host "host-1" goes on with 10.10.1.0/24\n',
    });
    expect(controller.asked.at(-1)?.body).toEqual({ subnet: '10.10.9.0/24', ahead: true });
  });

  it.each([
    [['release', 'host-1'], 'node/host-1 released\n', {}],
    [['release', 'node/host-1', '--lease'], 'node/host-1 released, with its leases\n', { lease: true }],
    [['cordon', 'host-1'], 'node/host-1 cordoned\n', undefined],
    [['uncordon', 'host-1'], 'node/host-1 uncordoned\n', undefined],
    [['drain', 'host-1', '--dry-run'], 'node/host-1 drained (dry run)\n', undefined],
  ])('%j says what it did', async (argv, stdout, body) => {
    plan(argv[0] ?? '');
    expect(await svcctl(['node', ...argv])).toEqual({ code: 0, stdout, stderr: '' });
    expect(controller.asked.at(-1)).toMatchObject({
      query: argv.includes('--dry-run') ? { dryRun: 'true' } : {},
    });
    expect(controller.asked.at(-1)?.body).toEqual(body);
  });

  it('says that nothing was to change', async () => {
    plan('cordon', { changed: false });
    expect((await svcctl(['node', 'cordon', 'host-1'])).stdout).toBe('node/host-1 unchanged\n');
  });

  it('waits until every host holds the services without its endpoints', async () => {
    plan('drain', { servicesRevision: 40 });
    controller.list('/v1/nodes', [node('host-1', 40), node('host-2', 39)]);
    const late = await svcctl(['node', 'drain', 'host-1', '--wait', '--timeout', '50ms']);
    expect([late.code, late.stderr]).toEqual([
      6,
      expect.stringContaining('still behind: host-2 (at revision 39)'),
    ]);
    controller.list('/v1/nodes', [node('host-1', 40), node('host-2', 41)]);
    expect((await svcctl(['node', 'drain', 'host-1', '--wait'])).code).toBe(0);
  });

  it.each([
    [['reserve', 'host-9'], 3, 'there is no host "host-9"'],
    [['reserve', 'host_1'], 2, 'is not a name'],
    [['reserve'], 2, "missing required argument 'name'"],
    [['cordon', 'host-1', '--wait'], 2, "unknown option '--wait'"],
  ])('%j ends with %i', async (argv, code, sentence) => {
    controller.answer(
      'POST',
      '/v1/nodes/host-9/reserve',
      problem('not-found', 404, 'there is no host "host-9"'),
    );
    const result = await svcctl(['node', ...argv]);
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(sentence) });
  });

  it('names what is refused as it was typed', async () => {
    const refusal = problem('invalid', 422, 'subnetIpv6 "x" is not an IPv6 subnet');
    const body = { ...(refusal.body as object), field: 'subnetIpv6' };
    controller.answer('POST', '/v1/nodes/host-1/reserve', { ...refusal, body });
    const { code, stderr } = await svcctl(['node', 'reserve', 'host-1', '--subnet-ipv6', 'x']);
    expect([code, stderr]).toEqual([2, 'svcctl: subnet-ipv6 "x" is not an IPv6 subnet\n']);
  });

  it('is shown of a host', async () => {
    const decided = { cordoned: true, drained: true, reservations: ['10.10.1.0/24', 'fd00:10:0:1::/64'] };
    const missing = { subnet: '10.10.3.0/24', publicIp: '192.168.122.13', node: 'host-3', state: 'failed' };
    const { report } = node('host-1', 9);
    const shown = {
      ...node('host-1', 9, decided),
      publicIpv6: 'fd00:122::11',
      subnetIpv6: 'fd00:10:0:1::/64',
      report: { ...report, peersInstalled: 1, peers: [{ ...missing, reason: 'no route to host' }] },
    };
    controller.answer('GET', '/v1/nodes/host-1', { body: shown }).list('/v1/nodes', [shown]);
    const { stdout } = await svcctl(['describe', 'node', 'host-1']);
    expect(stdout).toMatch(/^State: +alive, drained$/m);
    expect(stdout).toMatch(/^Subnet: +10\.10\.1\.0\/24\n +fd00:10:0:1::\/64\nReserved: +10\.10\.1\.0\/24\n/m);
    expect(stdout).toMatch(
      /^Peers: +1 of 2 installed\n +10\.10\.3\.0\/24 of host-3 via 192\.168\.122\.13: failed: no route to host\n/m,
    );
    expect((await svcctl(['get', 'nodes'])).stdout).toMatch(/\nhost-1 +alive,drained +192\.168\.122\.11 /);
    expect((await svcctl(['get', 'nodes', '-o', 'wide'])).stdout).toContain('10.10.1.0/24,fd00:10:0:1::/64');
  });
});
