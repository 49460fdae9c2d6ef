import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../cli.ts';
import { node, problem } from '../support/fake-controller.ts';
import { fakeIo } from '../support/fake-io.ts';
import { openSession } from '../support/session.ts';

type Session = Awaited<ReturnType<typeof openSession>>;
let session: Session;
let controller: Session['controller'];
let svcctl: Session['svcctl'];

beforeEach(async () => {
  session = await openSession();
  ({ controller, svcctl } = session);
});
afterEach(() => session.close());

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

const NETWORK = {
  ipv4: {
    network: '10.10.0.0/16',
    subnetLen: 24,
    subnetMin: '10.10.1.0',
    subnetMax: '10.10.255.0',
    ...{ subnets: 255, leased: 3, reserved: 1 },
  },
  backend: {
    type: 'vxlan',
    directRouting: true,
    tunnel: { vni: 1, port: 8472, learning: false, gbp: false },
  },
  masquerade: true,
  nonMasqueradeCidrs: ['10.0.0.0/8'],
  fingerprint: '0a1b2c3d',
  warnings: [],
  revision: 7,
};
const REFUSED = {
  ...NETWORK,
  refused: {
    reason: 'it would renumber 1 host (host-1)',
    hosts: ['host-1'],
    config: { ...NETWORK, fingerprint: '99999999' },
  },
};

describe('svcctl network', () => {
  it('shows what hosts follow', async () => {
    controller.answer('GET', '/v1/network', { body: NETWORK });
    const { stdout } = await svcctl(['network', 'get']);
    expect(stdout).toMatch(
      /^IPv4: +10\.10\.0\.0\/16 in subnets of \/24, 10\.10\.1\.0 to 10\.10\.255\.0, 3 of 255 leased, 1 reserved\n/,
    );
    expect(stdout).toMatch(/\nBackend: +vxlan VNI 1, port 8472, plain routes on the same link\n/);
    expect(stdout).toMatch(/\nMasquerade: +yes, but not to 10\.0\.0\.0\/8\n/);
    expect(JSON.parse((await svcctl(['network', 'get', '-o', 'json'])).stdout)).toEqual({
      kind: 'Network',
      ...NETWORK,
    });
  });

  it('shows what waits to be confirmed, and why', async () => {
    controller.answer('GET', '/v1/network', { body: REFUSED });
    const { stdout } = await svcctl(['network', 'get']);
    expect(stdout).toMatch(/\nNot followed: +IPv4: 10\.10\.0\.0\/16/);
    expect(stdout).toMatch(/\nWhy: +it would renumber 1 host \(host-1\)\nHosts: +host-1\n$/);
  });

  it('sends the parts that are named, and no others', async () => {
    const headers = { 'x-causeway-changed': 'true' };
    controller.answer('PATCH', '/v1/network', { body: { ...NETWORK, warnings: ['a warning'] }, headers });
    const argv = [
      ...['--network', '10.20.0.0/16', '--subnet-len', '25', '--network-ipv6', 'none', '--backend', 'vxlan'],
      ...['--direct-routing', '--vni', '7', '--mtu', '0', '--masquerade', 'false', '--non-masquerade', ''],
    ];
    const { code, stdout, stderr } = await svcctl(['network', 'set', ...argv, '--renumber']);
    expect([code, stderr]).toEqual([0, 'svcctl: a warning\n']);
    expect(stdout).toMatch(/^network changed\nIPv4: /);
    expect(controller.asked.at(-1)).toMatchObject({
      query: { renumber: 'true' },
      body: {
        ...{ network: '10.20.0.0/16', subnetLen: 25, networkIpv6: 'none', backend: 'vxlan' },
        ...{ directRouting: true, vni: 7, mtu: 0, masquerade: false, nonMasqueradeCidrs: [] },
      },
    });
    expect(Object.keys(controller.asked.at(-1)?.body as object)).toHaveLength(9);
  });

  it('says that nothing changed', async () => {
    controller.answer('PATCH', '/v1/network', { body: NETWORK, headers: { 'x-causeway-changed': 'false' } });
    const { stdout } = await svcctl(['network', 'set', '--direct-routing', 'true', '--dry-run']);
    expect(stdout).toMatch(/^network unchanged \(dry run\)\n/);
  });

  it('confirms what it was shown', async () => {
    controller
      .answer('GET', '/v1/network', { body: REFUSED })
      .answer('POST', '/v1/network/confirm', { body: NETWORK, headers: { 'x-causeway-changed': 'true' } });
    expect((await svcctl(['network', 'confirm'])).stdout).toMatch(/^network confirmed\n/);
    expect(controller.asked.at(-1)?.body).toEqual({ fingerprint: '99999999' });
  });

  it.each([
    [['set'], 2, 'names nothing to change'],
    [['set', '--vni', 'x'], 2, 'vni "x" is not a whole number'],
    [['set', '--backend', 'udp'], 2, 'Allowed choices are host-gw, vxlan'],
    [['set', '--direct-routing', 'maybe'], 2, 'is neither "true" nor "false"'],
    [['set', '--network', '10.20.0.0/16'], 4, '2 hosts would have to take other subnets'],
  ])('%j ends with %i', async (argv, code, sentence) => {
    controller.answer(
      'PATCH',
      '/v1/network',
      problem('conflict', 409, 'changing the network: 2 hosts would have to take other subnets'),
    );
    const result = await svcctl(['network', ...argv]);
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(sentence) });
  });
});

const event = (sequence: number, changes: object = {}) => ({
  node: 'host-1',
  sequence,
  at: `2026-01-01T00:00:0${sequence}.000Z`,
  kind: 'fenced',
  severity: 'warning',
  message: 'the lease is gone',
  revision: sequence,
  ...changes,
});

describe('svcctl events', () => {
  it('prints them as a table, or as what is asked for', async () => {
    controller.list('/v1/events', [event(1), event(2, { message: 'odd\u001b[31m' })]);
    const { stdout } = await svcctl(['events']);
    expect(stdout).toMatch(
      /^TIME +NODE +SEVERITY +KIND +MESSAGE\n2026-01-01T00:00:01\.000Z +host-1 +warning +fenced /,
    );
    expect(stdout).not.toContain('\u001b');
    expect(JSON.parse((await svcctl(['events', '-o', 'json'])).stdout).items).toHaveLength(2);
  });

  it('asks for those of one host, which must be there', async () => {
    controller.list('/v1/events', []).answer('GET', '/v1/nodes/host-1', { body: node('host-1', 1) });
    expect(await svcctl(['events', '--host', 'host-1'])).toMatchObject({
      code: 0,
      stderr: 'svcctl: there are no events\n',
    });
    expect(controller.asked.at(-1)).toMatchObject({ path: '/v1/events', query: { host: 'host-1' } });
    controller.answer('GET', '/v1/nodes/host-9', problem('not-found', 404, 'there is no host "host-9"'));
    expect((await svcctl(['events', '--host', 'host-9', '--follow'])).code).toBe(3);
  });

  it('goes on with every event', async () => {
    controller.list('/v1/events', [event(1)]);
    const io = fakeIo({ env: session.env });
    const second = new Promise<void>((resolve) => {
      const out = (text: string): void => {
        io.out(text);
        if (io.stdout().includes('the second')) resolve();
      };
      void run(['events', '--follow', '-o', 'json'], { ...io, out });
    });
    await controller.watched('/v1/events');
    controller.send('/v1/events', 'added', event(2, { message: 'the second' }));
    await second;
    const told = io
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).object.sequence);
    expect(told).toEqual([1, 2]);
  });
});
