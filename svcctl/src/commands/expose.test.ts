import { describe, expect, it } from 'vitest';
import { node, problem, service } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

const created = (changes: object = {}) =>
  controller.answer('POST', '/v1/services', { status: 201, body: service('test-service1', changes) });

describe('svcctl expose', () => {
  it('creates a service and says so on one line', async () => {
    created();
    const command =
      'expose 2.2.2.2:88 --name test-service1 --to 10.10.1.2:12345 --to 10.10.2.2:12345 --node-port 30001';
    expect(await svcctl(command.split(' '))).toEqual({
      code: 0,
      stdout:
        'service/test-service1 created  2.2.2.2:88 → 10.10.1.2:12345, 10.10.2.2:12345  node port 30001\n',
      stderr: '',
    });
    expect(controller.asked[0]?.body).toEqual({
      name: 'test-service1',
      vip: '2.2.2.2',
      ports: [{ port: 88, nodePort: 30001 }],
      endpoints: ['10.10.1.2:12345', '10.10.2.2:12345'],
    });
  });

  it('asks for an address of the service range when only the port is given', async () => {
    created();
    await svcctl(['expose', ':53', '--protocol', 'UDP', '--target-port', '5353', '--node-port', 'auto']);
    expect(controller.asked[0]?.body).toEqual({
      vip: 'auto',
      ports: [{ port: 53, protocol: 'udp', targetPort: 5353, nodePort: 'auto' }],
      endpoints: [],
    });
  });

  it('tells how to add endpoints when there are none', async () => {
    created({ endpoints: [], status: { endpoints: 0, unresolved: [] } });
    const { code, stdout, stderr } = await svcctl(['expose', '2.2.2.2:88']);
    expect([code, stdout]).toEqual([
      0,
      'service/test-service1 created  2.2.2.2:88 → no endpoints  node port 30001\n',
    ]);
    expect(stderr).toBe(
      'svcctl: service "test-service1" has no endpoints yet: connections to 2.2.2.2:88 are refused; ' +
        'add one with: svcctl endpoint add test-service1 10.10.x.y:PORT\n',
    );
  });

  it('repeated is unchanged', async () => {
    controller.answer('POST', '/v1/services', { status: 200, body: service('web') });
    const { code, stdout } = await svcctl(['expose', '2.2.2.2:88']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^service\/web unchanged {2}2\.2\.2\.2:88 → /);
  });

  it('says of a dry run that it is one', async () => {
    controller.answer('POST', '/v1/services', { status: 200, body: service('web', { revision: 0 }) });
    const { stdout } = await svcctl(['expose', '2.2.2.2:88', '--dry-run']);
    expect(stdout).toMatch(/^service\/web created \(dry run\) /);
    expect(controller.writes()).toEqual(['POST /v1/services?dryRun']);
  });

  it('passes on which targets do not run yet', async () => {
    const sentence = 'container "web-9" does not run';
    created({ status: { endpoints: 0, unresolved: [sentence] } });
    expect((await svcctl(['expose', '2.2.2.2:88', '--to', 'web-9:80'])).stderr).toBe(`svcctl: ${sentence}\n`);
  });

  it('prints other formats, and nothing else on stdout', async () => {
    created();
    controller.list('/v1/nodes', [node('host-1', 7)]);
    const { stdout, stderr } = await svcctl(['expose', '2.2.2.2:88', '--wait', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'Service', name: 'test-service1', revision: 7 });
    expect(stderr).toMatch(/host-1 {2}applied after \d+ ms/);
    expect((await svcctl(['expose', '2.2.2.2:88', '-o', 'name'])).stdout).toBe('service/test-service1\n');
  });

  it('waits for every host', async () => {
    created();
    controller.list('/v1/nodes', [node('host-1', 7), node('host-2', 3)]);
    const exposed = svcctl(['expose', '2.2.2.2:88', '--wait']);
    await controller.watched('/v1/nodes');
    controller.send('/v1/nodes', 'modified', node('host-2', 7));
    const { code, stdout } = await exposed;
    expect(code).toBe(0);
    expect(stdout).toMatch(/ {2}host-1 {2}applied after \d+ ms\n {2}host-2 {2}applied after \d+ ms\n$/);
  });

  it('ends with 6 and the names of the hosts that lag', async () => {
    created();
    controller.list('/v1/nodes', [node('host-1', 7), node('host-2', 3)]);
    const { code, stderr } = await svcctl(['expose', '2.2.2.2:88', '--wait', '--timeout', '50ms']);
    expect(code).toBe(6);
    expect(stderr).toContain('not within 50 ms, still behind: host-2 (at revision 3)');
  });

  it('prints the controller’s sentence as it is, with the exit code of its code', async () => {
    const detail = 'nodePort 30001 belongs to service "other"';
    controller.answer('POST', '/v1/services', problem('conflict', 409, detail));
    expect(await svcctl(['expose', '2.2.2.2:88'])).toEqual({
      code: 4,
      stdout: '',
      stderr: `svcctl: ${detail}\n`,
    });
  });

  it.each([
    [['expose', '2.2.2.2:88x'], 'port "88x" is not a port'],
    [['expose', '2.2.2.2'], 'VIP:PORT "2.2.2.2" has no port'],
    [['expose'], "missing required argument 'VIP:PORT'"],
    [['expose', ':1', '--node-port', 'x'], 'node-port "x" is not a port'],
    [['expose', ':1', '--protocol', 'icmp'], 'protocol "icmp" is none of tcp, udp, sctp'],
    [['expose', ':1', '--timeout', 'soon'], 'timeout "soon" is not a length of time'],
    [['expose', ':1', '--to', 'a:1', '--to', 'a:1'], 'to "a:1" is given twice'],
    [['expose', ':1', '-o', 'xml'], 'output "xml" is none of wide, json, yaml, name'],
    [['expose', ':1', '--wait', '--dry-run'], "option '--wait' cannot be used with option '--dry-run'"],
    [['expose', ':1', '--too', 'a:1'], "unknown option '--too' (Did you mean --to?)"],
    [['expose', ':1', ':2'], 'VIP:PORT ":2" is one too many'],
  ])('%j is refused in one sentence and asks nobody', async (argv, sentence) => {
    const { code, stdout, stderr } = await svcctl(argv);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`svcctl: ${sentence}`);
    expect(stderr.match(/\n/g)).toHaveLength(1);
    expect(controller.asked).toEqual([]);
  });
});
