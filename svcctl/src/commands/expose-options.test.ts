import { beforeEach, describe, expect, it } from 'vitest';
import { problem, service } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

beforeEach(() => {
  controller.answer('POST', '/v1/services', { status: 201, body: service('web') });
});

/** What the controller is sent for a command line. */
async function sent(line: string): Promise<unknown> {
  const { code, stderr } = await svcctl(['expose', ...line.split(' ')]);
  expect([code, stderr]).toEqual([0, '']);
  return controller.asked.at(-1)?.body;
}

const PLAIN = { vip: 'auto', ports: [{ port: 80 }], endpoints: [] };

describe('svcctl expose: addresses', () => {
  it.each([
    [':80', { vip: 'auto' }],
    [':80 --family ipv6', { vip: 'auto', families: ['ipv6'] }],
    [':80 --family dual', { vip: 'auto', families: ['ipv4', 'ipv6'] }],
    ['[fd00::2]:80', { vip: 'fd00::2' }],
    ['2.2.2.2:80 --family ipv4', { vip: '2.2.2.2', families: ['ipv4'] }],
    ['2.2.2.2:80 --vip fd00::2', { vip: ['2.2.2.2', 'fd00::2'] }],
    ['2.2.2.2:80 --vip auto', { vip: ['2.2.2.2', 'auto'] }],
    [':80 --vip [fd00::2]', { vip: ['auto', 'fd00::2'] }],
    ['[fd00::2]:80 --family dual', { vip: ['fd00::2', 'auto'], families: ['ipv4', 'ipv6'] }],
    ['2.2.2.2:80 --vip fd00::2 --family dual', { vip: ['2.2.2.2', 'fd00::2'], families: ['ipv4', 'ipv6'] }],
    [
      'none:80 --family dual --node-port auto',
      { vip: 'none', families: ['ipv4', 'ipv6'], ports: [{ port: 80, nodePort: 'auto' }] },
    ],
  ])('%s', async (line, addresses) => {
    expect(await sent(line)).toEqual({ ...PLAIN, ...addresses });
  });
});

describe('svcctl expose: ports', () => {
  it.each([
    [':80 --port https=443:8443', [{ port: 80 }, { name: 'https', port: 443, targetPort: 8443 }]],
    [
      ':80 --node-port 30080 --port 53/udp --port 443,node-port=auto',
      [
        { port: 80, nodePort: 30080 },
        { port: 53, protocol: 'udp' },
        { port: 443, nodePort: 'auto' },
      ],
    ],
    [
      'auto --port a=80 --port b=81',
      [
        { name: 'a', port: 80 },
        { name: 'b', port: 81 },
      ],
    ],
    [':53/udp --port 53', [{ port: 53, protocol: 'udp' }, { port: 53 }]],
  ])('%s', async (line, ports) => {
    expect(await sent(line)).toEqual({ ...PLAIN, ports });
  });
});

describe('svcctl expose: endpoints and clients', () => {
  it.each([
    ['--to web-1,weight=3 --to 10.10.1.2:80', { endpoints: [{ to: 'web-1', weight: 3 }, '10.10.1.2:80'] }],
    ['--selector app=web,tier=front', { selector: { app: 'web', tier: 'front' } }],
    ['--selector app=web --selector tier=front', { selector: { app: 'web', tier: 'front' } }],
    ['--affinity client', { affinity: 'client' }],
    [
      '--external-policy local --internal-policy cluster',
      { externalPolicy: 'local', internalPolicy: 'cluster' },
    ],
    [
      '--source-range 10.0.0.0/8,192.0.2.0/24 --source-range fd00::/8',
      { sourceRanges: ['10.0.0.0/8', '192.0.2.0/24', 'fd00::/8'] },
    ],
    ['--publish-not-ready --when-unhealthy open', { publishNotReady: true, whenUnhealthy: 'open' }],
    ['--health tcp', { health: { type: 'tcp' } }],
    [
      '--health http --health-path /ready --health-port 8080 --health-interval 2s --health-timeout 500ms',
      { health: { type: 'http', path: '/ready', port: 8080, intervalMs: 2000, timeoutMs: 500 } },
    ],
    ['--health https --health-rise 2 --health-fall 5', { health: { type: 'https', rise: 2, fall: 5 } }],
  ])('%s', async (line, fields) => {
    expect(await sent(`:80 ${line}`)).toEqual({ ...PLAIN, ...fields });
  });

  it('gives a command to the container’s shell, in one piece', async () => {
    await svcctl(['expose', ':80', '--health', 'command', '--health-command', 'test -f /ok && true']);
    expect(controller.asked.at(-1)?.body).toMatchObject({
      health: { type: 'command', command: ['sh', '-c', 'test -f /ok && true'] },
    });
  });

  it.each(['', '  '])('takes no empty command: "%s"', async (line) => {
    const { code, stderr } = await svcctl(['expose', ':80', '--health', 'command', '--health-command', line]);
    expect([code, stderr]).toEqual([
      2,
      `svcctl: health-command ${JSON.stringify(line)} is empty: a line for sh is needed\n`,
    ]);
    expect(controller.asked).toEqual([]);
  });

  it('shows what came of it', async () => {
    const full = {
      vips: ['2.2.2.2', 'fd00::2'],
      ports: [
        { name: 'http', protocol: 'tcp', port: 80, targetPort: 80, nodePort: 30001 },
        { name: 'dns', protocol: 'udp', port: 53, targetPort: 53 },
      ],
      endpoints: [
        { to: 'web-1', weight: 3 },
        { to: 'web-2', drain: {} },
      ],
      selector: { app: 'web' },
    };
    controller.answer('POST', '/v1/services', { status: 201, body: service('web', full) });
    expect((await svcctl(['expose', ':80', '--selector', 'app=web'])).stdout).toBe(
      'service/web created  2.2.2.2:80, [fd00::2]:80, 2.2.2.2:53/udp, [fd00::2]:53/udp → ' +
        'web-1 (weight 3), web-2 (drain), all with app=web  node port 30001\n',
    );
  });

  it('says that nothing has the labels', async () => {
    const nothing = {
      ...{ endpoints: [], selector: { app: 'wob' } },
      status: { endpoints: 0, ready: 0, unresolved: [] },
    };
    controller.answer('POST', '/v1/services', { status: 201, body: service('web', nothing) });
    expect((await svcctl(['expose', ':88', '--selector', 'app=wob'])).stderr).toBe(
      'svcctl: service "web" has no endpoints yet: connections to 2.2.2.2:88 are refused; ' +
        'no container or workload has the labels app=wob\n',
    );
  });
});

describe('svcctl expose: bad input', () => {
  it.each([
    [':80 :81', 'VIP:PORT ":81" is one too many: add ports with --port, a second VIP with --vip'],
    ['2.2.2.2', 'VIP:PORT "2.2.2.2" has no port'],
    [
      '2.2.2.2 --port 80 --target-port 8',
      'target-port 8 is about the port of VIP:PORT, and "2.2.2.2" has none',
    ],
    [':53/udp --protocol tcp', 'protocol "tcp" is not that of ":53/udp"'],
    [':80 --port 80', 'port 80 is given twice: another one has 80/tcp already'],
    [
      ':80 --node-port 30001 --port 81,node-port=30001',
      'port 81 is given twice: another one has the node port',
    ],
    [':80 --port a=1 --port a=2', 'port 2 is given twice: another one has the name "a" already'],
    [':80 --port 0', 'port "0" has "0", which is not a port'],
    [':80 --vip fd00::x', 'vip "fd00::x" is not an IPv4 address, an IPv6 address or auto'],
    [':80 --vip 2.2.2.2 --vip auto', 'vip "auto" is one too many: beside that of VIP:PORT there is 2.2.2.2'],
    ['none:80', 'VIP:PORT "none:80" could be reached by nobody: without a VIP a --node-port is needed'],
    ['none:80 --node-port auto --vip auto', 'vip "auto" is a second VIP, and "none" says that there is none'],
    [':80 --family ip6', 'family "ip6" is none of ipv4, ipv6, dual'],
    ['2.2.2.2:80 --family ipv6', 'family "ipv6" is not that of the VIP 2.2.2.2'],
    [':80 --to a --to a,weight=2', 'to "a" is given twice'],
    [':80 --to a,weight=x', 'to "a,weight=x" has "x", which is not a weight'],
    [':80 --selector app', 'selector "app" is not KEY=VALUE, as in app=web'],
    [':80 --source-range 10.0.0.0/8,10.0.0.0/8', 'source-range "10.0.0.0/8" is given twice'],
    [':80 --affinity ip', 'affinity "ip" is none of none, client'],
    [':80 --external-policy here', 'external-policy "here" is none of cluster, local'],
    [':80 --internal-policy here', 'internal-policy "here" is none of cluster, local'],
    [':80 --when-unhealthy close', 'when-unhealthy "close" is none of reject, open'],
    [':80 --health icmp', 'health "icmp" is none of tcp, http, https, command'],
    [':80 --health-path /x', 'health-path "/x" needs --health tcp|http|https|command beside it'],
    [
      ':80 --health tcp --health-path /x',
      'health-path "/x" is for --health http and https, and this is --health tcp',
    ],
    [
      ':80 --health http --health-command x',
      'health-command "x" is for --health command, and this is --health http',
    ],
    [':80 --health command', 'health "command" needs a --health-command'],
    [
      ':80 --health command --health-command x --health-port 1',
      'health-port 1 is for --health tcp, http and https',
    ],
    [':80 --health tcp --health-interval soon', 'health-interval "soon" is not a length of time'],
    [
      ':80 --health tcp --health-timeout 0.5ms',
      'health-timeout "0.5ms" is not a whole number of milliseconds',
    ],
    [':80 --health tcp --health-rise 0', 'health-rise "0" is not a count: a whole number from 1 to 100'],
    [':80 --health tcp --health-fall 1.5', 'health-fall "1.5" is not a count'],
  ])('%s is refused in one sentence and asks nobody', async (line, sentence) => {
    const { code, stdout, stderr } = await svcctl(['expose', ...line.split(' ')]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`svcctl: ${sentence}`);
    expect(stderr.match(/\n/g)).toHaveLength(1);
    expect(controller.asked).toEqual([]);
  });

  it.each([
    ['vip[1]', 'vip[1] "x" is bad', 'vip "x" is bad'],
    ['families[0]', 'families[0] "ipv6" cannot be served', 'family "ipv6" cannot be served'],
    ['endpoints[3]', 'endpoints[3] "web-9" names no container', 'to "web-9" names no container'],
    ['ports[0].nodePort', 'ports[0].nodePort 1 is outside', 'node-port 1 is outside'],
    ['ports[0].targetPort', 'ports[0].targetPort 1 is bad', 'target-port 1 is bad'],
    ['ports[1].nodePort', 'ports[1].nodePort 1 is outside', 'port 443: node-port 1 is outside'],
    ['ports[1].name', 'ports[1].name "X" is not a name', 'port 443: name "X" is not a name'],
    ['selector', 'selector {"a b":"c"} has "a b"', 'selector {"a b":"c"} has "a b"'],
    ['selector.app', 'selector.app "ü" is not a label’s value', 'selector "ü" is not a label’s value'],
    ['sourceRanges[0]', 'sourceRanges[0] "x" is not a network', 'source-range "x" is not a network'],
    ['health.intervalMs', 'health.intervalMs 1 is not a time', 'health-interval 1 is not a time'],
    ['health.path', 'health.path "x" is not a path', 'health-path "x" is not a path'],
    ['name', 'name "X" is not a name', 'name "X" is not a name'],
    ['ports[0].nodePort', 'another sentence', 'another sentence'],
  ])('what the controller says of %s is told by the flag: %s', async (field, detail, said) => {
    controller.answer('POST', '/v1/services', problem('invalid', 422, detail, field));
    const { code, stderr } = await svcctl(['expose', ':80', '--port', '443']);
    expect([code, stderr]).toEqual([2, `svcctl: ${said}\n`]);
  });

  it('tells the ports of --port as such when there is no other', async () => {
    controller.answer(
      'POST',
      '/v1/services',
      problem('conflict', 409, 'ports[0].nodePort 1 x', 'ports[0].nodePort'),
    );
    const { code, stderr } = await svcctl(['expose', 'none', '--port', '443,node-port=1']);
    expect([code, stderr]).toEqual([4, 'svcctl: port 443: node-port 1 x\n']);
  });
});
