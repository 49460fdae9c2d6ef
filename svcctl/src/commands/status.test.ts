import { beforeEach, describe, expect, it } from 'vitest';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

const NO_EVENTS = { warnings: 0, infos: 0, kinds: {} };
const HOST = {
  name: 'host-1',
  state: 'alive',
  alive: true,
  lastWordSeconds: 1.26,
  subnet: '10.10.1.0/24',
  leaseLeftSeconds: 86_390,
  reservations: [],
  dataplane: 'nftables',
  cordoned: false,
  drained: false,
  waiting: [],
  lag: 0,
  appliedInMs: 4.2,
  peers: { wanted: 2, installed: 2, missing: [] },
  problems: [],
  events: NO_EVENTS,
};
const WELL = {
  faults: [],
  etcd: { ok: true, lastWordSeconds: 0.4 },
  network: { ipv4: '10.10.0.0/16', backend: 'host-gw', revision: 12 },
  hosts: [HOST],
  services: { count: 1, withoutEndpoints: [] },
  unreadable: [],
  events: NO_EVENTS,
  degraded: [],
};

function tell(changes: object): void {
  controller.answer('GET', '/v1/status', { body: { ...WELL, ...changes } });
}

beforeEach(() => {
  controller.answer('GET', '/version', { body: { version: '0.1.0' } });
  tell({});
});

describe('svcctl status', () => {
  it('shows a healthy cluster on one screen and ends with 0', async () => {
    const hollow = { name: 'hollow', broken: false, unresolved: [] };
    tell({ services: { count: 2, withoutEndpoints: [hollow] } });
    const { code, stdout, stderr } = await svcctl(['status']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^controller +0\.1\.0 at http:\/\/127.*, ready\netcd +ok\n/);
    expect(stdout).toContain(
      '\nnetwork      10.10.0.0/16 by host-gw, revision 12\nhosts        1 of 1 alive\n',
    );
    expect(stdout).toContain('\nservices     2, without endpoints: hollow\n');
    expect(stdout).toContain('\nevents       none in the last hour\n\nHOST ');
    expect(stdout).toMatch(/\nhost-1 +alive +10\.10\.1\.0\/24 +nftables +1\.2s +23h59m +2\/2 +0 +4ms +0\n$/);
  });

  it('asks twice, however many hosts there are', async () => {
    tell({ hosts: Array.from({ length: 1_000 }, (_, n) => ({ ...HOST, name: `host-${n}` })) });
    expect((await svcctl(['status'])).stdout.split('\n').length).toBeGreaterThan(1_000);
    expect(controller.asked.map(({ path }) => path).sort()).toEqual(['/v1/status', '/version']);
  });

  it('shows what becomes of hosts, and each peer that one of them does not reach', async () => {
    const peer = { subnet: '10.10.3.0/24', publicIp: '192.168.122.13', node: 'host-3', state: 'failed' };
    const missing = [{ ...peer, reason: 'no route to host' }];
    const { subnet: _subnet, ...waiting } = HOST;
    tell({
      hosts: [
        { ...HOST, drained: true, cordoned: true, peers: { wanted: 2, installed: 1, missing } },
        { ...HOST, name: 'host-2', state: 'dead', alive: false, lastWordSeconds: undefined, goneSeconds: 65 },
        { ...waiting, name: 'host-3', waiting: ['waits for an IPv4 subnet: all 2 are taken'] },
      ],
      events: { warnings: 1, infos: 2, kinds: { joined: 2, fenced: 1 } },
      network: { ...WELL.network, ipv6: 'fd00:10::/48', refused: 'it would renumber 3 hosts' },
      degraded: ['host-2 is not alive'],
    });
    const { code, stdout } = await svcctl(['status']);
    expect(code).toBe(7);
    expect(stdout).toContain(
      '10.10.0.0/16 and fd00:10::/48 by host-gw, revision 12; a change waits: svcctl network',
    );
    expect(stdout).toContain('events       2 joined, 1 fenced in the last hour: svcctl events\n');
    expect(stdout).toMatch(/\nhost-1 +alive,drained +10\.10\.1\.0\/24 .* 1\/2 /);
    expect(stdout).toMatch(/\nhost-2 +dead .* gone 1m5s /);
    expect(stdout).toMatch(/\nhost-3 +alive +waiting .* 1\n/);
    expect(stdout).toMatch(
      /\nhost-1 +host-3 +10\.10\.3\.0\/24 +192\.168\.122\.13 +failed +no route to host\n$/,
    );
  });

  it('is degraded by whatever the controller names, in its words', async () => {
    tell({ degraded: ['host-1 is not alive', 'none of service lost’s targets runs'] });
    const { code, stderr } = await svcctl(['status']);
    const sentences = 'host-1 is not alive; none of service lost’s targets runs';
    expect([code, stderr]).toEqual([7, `svcctl: the cluster is degraded: ${sentences}\n`]);
  });

  it('repeats some sixty faults, and the number of the others', async () => {
    tell({ degraded: Array.from({ length: 90 }, (_, n) => `host-${n} is not alive`) });
    const { stderr } = await svcctl(['status']);
    expect(stderr).toMatch(/host-59 is not alive; and 30 more\n$/);
  });

  it('still shows the hosts as they were known last while etcd is away', async () => {
    const faults = ['etcd failed: no answer after 2000 ms'];
    tell({
      faults,
      etcd: { ok: false, lastWordSeconds: 75 },
      hosts: [{ ...HOST, state: 'unknown', alive: false, lastWordSeconds: undefined }],
      degraded: faults.map((fault) => `the controller is not ready: ${fault}`),
    });
    const { code, stdout, stderr } = await svcctl(['status', '-o', 'json']);
    expect(code).toBe(7);
    expect(JSON.parse(stdout)).toMatchObject({ controller: { faults }, etcd: { ok: false } });
    expect(stderr).toContain(`the controller is not ready: ${faults[0]}`);
    const table = (await svcctl(['status'])).stdout;
    expect(table).toMatch(/, not ready\netcd +down, last word 1m15s ago\n/);
    expect(table).toMatch(/\nhost-1 +unknown +10\.10\.1\.0\/24 /);
  });

  it('waits until all is well', async () => {
    let asked = 0;
    controller.on(({ path }) =>
      path === '/v1/status' && ++asked < 2
        ? { body: { ...WELL, degraded: ['no host has joined'] } }
        : undefined,
    );
    expect((await svcctl(['status', '--wait'])).code).toBe(0);
    expect(asked).toBe(2);
  });

  it('ends with 6 and the last reason when it takes too long', async () => {
    tell({ degraded: ['no host has joined'] });
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
