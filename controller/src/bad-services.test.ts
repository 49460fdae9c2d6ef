import { keys } from '@causeway/shared/store/keys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Rig, refused, startRig } from '../../test/support/controller.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig();
  await rig.ask('POST', '/v1/services', {
    name: 'other',
    vip: '2.2.2.9',
    ports: [{ port: 80, nodePort: 30009 }],
    endpoints: ['203.0.113.7:80'],
  });
  await rig.settled();
});

afterAll(() => rig.close());

const service = (overrides: object) => ({ name: 'new', vip: '2.2.2.2', ports: [{ port: 88 }], ...overrides });

describe('a VIP', () => {
  it.each([
    ['10.10.5.5', 422, 'vip "10.10.5.5" is inside the container network 10.10.0.0/16'],
    ['192.168.122.12', 422, 'vip "192.168.122.12" is an address of host "host-2"'],
    ['172.16.1.1', 422, 'vip "172.16.1.1" is an address of host "host-1"'],
    ['hello', 422, 'vip "hello" is not an IPv4 address, an IPv6 address, "auto" or "none"'],
    ['2.2.2', 422, 'vip "2.2.2" is not an IPv4 address, an IPv6 address, "auto" or "none"'],
    ['2.2.2.256', 422, 'vip "2.2.2.256" is not an IPv4 address, an IPv6 address, "auto" or "none"'],
    ['2.2.2.02', 422, 'vip "2.2.2.02" is not an IPv4 address, an IPv6 address, "auto" or "none"'],
    ['2.2.2.2/32', 422, 'vip "2.2.2.2/32" is not an IPv4 address, an IPv6 address, "auto" or "none"'],
    ['fd00::1', 422, 'vip "fd00::1" cannot be served: the container network has no IPv6'],
    ['fd00::1%eth0', 422, 'vip "fd00::1%eth0" is not an IPv4 address, an IPv6 address, "auto" or "none"'],
    ['[fd00::1]', 422, 'vip "[fd00::1]" is not an IPv4 address, an IPv6 address, "auto" or "none"'],
    ['fe80::1', 422, 'vip "fe80::1" is a link-local address'],
    ['::1', 422, 'vip "::1" is a loopback address, which means another machine on each host'],
    ['::', 422, 'vip "::" is no address of anybody (::)'],
    ['ff02::1', 422, 'vip "ff02::1" is a multicast address'],
    [
      '::ffff:2.2.2.2',
      422,
      'vip "::ffff:2.2.2.2" is an IPv4 address in the form of IPv6, which no packet carries (::/80)',
    ],
    ['', 422, 'vip "" is not an IPv4 address, an IPv6 address, "auto" or "none"'],
    ['2.2.2.2\n', 422, 'vip "2.2.2.2\\n" is not an IPv4 address, an IPv6 address, "auto" or "none"'],
    ['224.0.0.5', 422, 'vip "224.0.0.5" is a multicast address'],
    ['127.0.0.1', 422, 'vip "127.0.0.1" is a loopback address, which means another machine on each host'],
    ['0.0.0.0', 422, 'vip "0.0.0.0" is no address of anybody (0.0.0.0/8)'],
    ['169.254.1.1', 422, 'vip "169.254.1.1" is a link-local address'],
    ['255.255.255.255', 422, 'vip "255.255.255.255" is the broadcast address'],
    ['241.0.0.1', 422, 'vip "241.0.0.1" is a reserved address (240.0.0.0/4)'],
    ['203.0.113.7', 422, 'vip "203.0.113.7" is the address of an endpoint of service "other"'],
    [
      '2.2.2.9',
      409,
      'vip "2.2.2.9" is taken by service "other"; add the port to that service, or choose another address',
    ],
    [
      2222,
      422,
      'vip 2222 is not a VIP: an IPv4 or IPv6 address, "auto", "none", or a list of one per family is needed',
    ],
    [
      null,
      422,
      'vip null is not a VIP: an IPv4 or IPv6 address, "auto", "none", or a list of one per family is needed',
    ],
  ])('%j', async (vip, status, detail) => {
    expect(await refused(rig, 'POST', '/v1/services', service({ vip }))).toMatchObject({
      status,
      detail,
      field: 'vip',
    });
  });

  it('is taken, and what others wrote as its owner is told on one line', async () => {
    rig.store.put(keys.vip('2.2.2.3'), 'x\u001b[31m\n');
    await rig.settled();
    const answer = await refused(rig, 'POST', '/v1/services', service({ vip: '2.2.2.3' }));
    expect(answer.detail).toContain('is taken by service "x\\u001b[31m\\n"');
  });

  it("is not inside a host's network, where a machine may get the address one day", async () => {
    for (const vip of ['192.168.122.200', '192.168.122.1', '192.168.122.255']) {
      expect(await refused(rig, 'POST', '/v1/services', service({ vip }))).toMatchObject({
        status: 422,
        field: 'vip',
        detail: `vip "${vip}" is inside 192.168.122.0/24, the network of host "host-1", where a machine may have it`,
      });
    }
  });

  it('may be left out, as NodePorts may, where the service has a name', async () => {
    const { name, ...nameless } = service({ vip: 'none' });
    const answer = await refused(rig, 'POST', '/v1/services', nameless);
    expect([answer.field, answer.detail]).toEqual([
      'name',
      'name is missing: nothing else names a service without VIP and NodePorts',
    ]);
    const made = await rig.ask('POST', '/v1/services', { ...nameless, name: name ?? 'headless' });
    expect([made.status, made.body.vips]).toEqual([201, []]);
  });
});

describe('a port', () => {
  const sentence = (value: string) =>
    `ports[0].port ${value} is not a port: a whole number from 1 to 65535 is needed`;

  it.each([
    [0, sentence('0')],
    [65536, sentence('65536')],
    [-1, sentence('-1')],
    ['88x', sentence('"88x"')],
    ['88', sentence('"88"')],
    [88.5, sentence('88.5')],
    [null, sentence('null')],
    [{}, sentence('{}')],
    [undefined, 'ports[0].port is missing: a whole number from 1 to 65535 is needed'],
  ])('%j', async (port, detail) => {
    const answer = await refused(rig, 'POST', '/v1/services', service({ ports: [{ port }] }));
    expect(answer).toMatchObject({ status: 422, field: 'ports[0].port', detail });
  });

  it.each([
    [[{ port: 80, targetPort: 0 }], 'ports[0].targetPort', 'ports[0].targetPort 0 is not a port'],
    [
      [{ port: 80, protocol: 'icmp' }],
      'ports[0].protocol',
      'ports[0].protocol "icmp" is not a protocol: tcp, udp, sctp are known',
    ],
    [
      [{ port: 80 }, { port: 80, name: 'b' }],
      'ports[1].port',
      'ports[1].port 80 is that of ports[0] already',
    ],
    [
      [
        { port: 80, name: 'a' },
        { port: 81, name: 'a' },
      ],
      'ports[1].name',
      'ports[1].name "a" is that of ports[0] already',
    ],
    [[{ port: 80, name: 'A b' }], 'ports[0].name', 'ports[0].name "A b" is not a name'],
    [[], 'ports', 'ports [] is empty: a service needs a port at least'],
    ['80', 'ports', 'ports "80" is not a list of ports'],
    [[80], 'ports[0]', 'ports[0] 80 is not an object'],
  ])('%j', async (ports, field, detail) => {
    const answer = await refused(rig, 'POST', '/v1/services', service({ ports }));
    expect(answer).toMatchObject({ status: 422, field });
    expect(answer.detail).toContain(detail);
  });
});

it('has at most 50 ports', async () => {
  const ports = Array.from({ length: 51 }, (_, index) => ({ port: index + 1 }));
  const answer = await refused(rig, 'POST', '/v1/services', service({ ports }));
  expect(answer.detail).toContain('has more than 50 ports');
});

describe('a health check by connection', () => {
  const ports = [{ port: 80 }, { port: 53, protocol: 'udp' }];

  it('needs a port of TCP', async () => {
    for (const type of ['tcp', 'http', 'https']) {
      const answer = await refused(rig, 'POST', '/v1/services', service({ ports, health: { type } }));
      expect(answer).toMatchObject({ status: 422, field: 'health.port' });
      expect(answer.detail).toBe(
        `health.port is missing: 53/udp takes no connections of TCP, and a check of the type "${type}" needs a port that does`,
      );
    }
  });

  it.each([
    { ports, health: { type: 'tcp', port: 80 } },
    { ports, health: { type: 'command', command: ['true'] } },
    { ports: [{ port: 80 }], health: { type: 'tcp' } },
  ])('has one: %j', async (overrides) => {
    const other = service({ name: 'asked', vip: '2.2.2.200', ...overrides });
    expect(await rig.ask('POST', '/v1/services?dryRun', other)).toMatchObject({ status: 200 });
  });
});

describe('a NodePort', () => {
  it.each([
    [80, 422, 'ports[0].nodePort 80 is outside of the NodePort range 30000-32767'],
    [32768, 422, 'ports[0].nodePort 32768 is outside of the NodePort range 30000-32767'],
    [0, 422, 'ports[0].nodePort 0 is not a NodePort: a whole number from 1 to 65535 or "auto" is needed'],
    [
      '30001',
      422,
      'ports[0].nodePort "30001" is not a NodePort: a whole number from 1 to 65535 or "auto" is needed',
    ],
    [30009, 409, 'ports[0].nodePort 30009 is taken by service "other" (tcp)'],
  ])('%j', async (nodePort, status, detail) => {
    const answer = await refused(rig, 'POST', '/v1/services', service({ ports: [{ port: 88, nodePort }] }));
    expect(answer).toMatchObject({ status, field: 'ports[0].nodePort', detail });
  });

  it('is not given twice in one service', async () => {
    const ports = [
      { port: 88, nodePort: 30001 },
      { port: 89, nodePort: 30001 },
    ];
    const answer = await refused(rig, 'POST', '/v1/services', service({ ports }));
    expect(answer.detail).toBe('ports[1].nodePort 30001 is that of ports[0] already');
  });
});

describe('an endpoint', () => {
  it.each([
    ['2.2.2.2:88', 'is the VIP of the service itself'],
    ['2.2.2.9:80', 'is the VIP of service "other", not a place that answers'],
    ['10.96.3.4:80', 'is inside the service range 10.96.0.0/16, where only VIPs are'],
    ['10.10.0.0:80', 'is the first or last address of the container network 10.10.0.0/16'],
    ['127.0.0.1:80', 'is a loopback address'],
    ['10.10.1.300:80', 'is not an endpoint'],
    ['10.10.1.2:0', 'has the port "0", which is not a whole number from 1 to 65535'],
    ['10.10.1.2:65536', 'has the port "65536"'],
    ['10.10.1.2:88x', 'has the port "88x"'],
    ['10.10.1.2:', 'has the port ""'],
    ['a:b:c', 'is not an endpoint'],
    ['', 'is empty'],
    ['web 1', 'is not an endpoint'],
    ['web-1"; drop', 'is not an endpoint'],
    ['web-9', 'names no container or workload: there is none called "web-9"'],
    ['x'.repeat(81), 'is longer than 80 characters'],
    [5, 'is not an endpoint'],
  ])('%j', async (ref, reason) => {
    const made = await refused(rig, 'POST', '/v1/services', service({ endpoints: [ref] }));
    expect(made).toMatchObject({ status: 422, field: 'endpoints[0]' });
    expect(made.detail).toMatch(/^endpoints\[0\] /);
    expect(made.detail).toContain(reason);
  });

  it.each([
    ['2.2.2.9:80', 'is the VIP of the service itself'],
    ['web-9:80', 'names no container'],
    [undefined, 'to is missing'],
  ])('%j, added to a service', async (to, reason) => {
    const added = await refused(rig, 'POST', '/v1/services/other/endpoints', { to });
    expect(added).toMatchObject({ status: 422, field: 'to' });
    expect(added.detail).toContain(reason);
  });

  it('is given once', async () => {
    const answer = await refused(rig, 'POST', '/v1/services', service({ endpoints: ['web-1', 'web-1'] }));
    expect(answer.detail).toBe('endpoints[1] "web-1" is given twice');
  });

  it('names no port where the ports of the service differ', async () => {
    const ports = [{ port: 80 }, { port: 443 }];
    const answer = await refused(rig, 'POST', '/v1/services', service({ ports, endpoints: ['web-1:80'] }));
    expect(answer.detail).toContain('names a port, but the service has several');
  });
});
