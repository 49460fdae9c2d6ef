import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Rig, startRig } from '../../test/support/controller.ts';

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

/** Sends it and expects one sentence that names field and value, and an etcd that is as before. */
async function refused(
  method: 'POST' | 'PUT' | 'DELETE',
  url: string,
  body: unknown,
): Promise<{ status: number; field: string; detail: string }> {
  const before = rig.store.dump();
  const answer = await rig.ask(method, url, body, { 'content-type': 'application/json' });
  await rig.settled();
  expect(rig.store.dump()).toEqual(before);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.body).toMatchObject({
    status: answer.status,
    detail: expect.any(String),
    code: expect.any(String),
  });
  expect(answer.body.detail).not.toMatch(/[\n\r]/);
  expect(answer.body.detail.length).toBeLessThan(300);
  return answer.body;
}

const service = (overrides: object) => ({ name: 'new', vip: '2.2.2.2', ports: [{ port: 88 }], ...overrides });

describe('a VIP', () => {
  it.each([
    ['10.10.5.5', 422, 'vip "10.10.5.5" is inside the container network 10.10.0.0/16'],
    ['192.168.122.12', 422, 'vip "192.168.122.12" is an address of host "host-2"'],
    ['172.16.1.1', 422, 'vip "172.16.1.1" is an address of host "host-1"'],
    ['hello', 422, 'vip "hello" is not an IPv4 address, "auto" or "none"'],
    ['2.2.2', 422, 'vip "2.2.2" is not an IPv4 address, "auto" or "none"'],
    ['2.2.2.256', 422, 'vip "2.2.2.256" is not an IPv4 address, "auto" or "none"'],
    ['2.2.2.02', 422, 'vip "2.2.2.02" is not an IPv4 address, "auto" or "none"'],
    ['2.2.2.2/32', 422, 'vip "2.2.2.2/32" is not an IPv4 address, "auto" or "none"'],
    ['fd00::1', 422, 'vip "fd00::1" is not an IPv4 address, "auto" or "none"'],
    ['', 422, 'vip "" is not an IPv4 address, "auto" or "none"'],
    ['2.2.2.2\n', 422, 'vip "2.2.2.2\\n" is not an IPv4 address, "auto" or "none"'],
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
    [2222, 422, 'vip 2222 is not a VIP: an IPv4 address, "auto" or "none" is needed'],
    [null, 422, 'vip null is not a VIP: an IPv4 address, "auto" or "none" is needed'],
  ])('%j', async (vip, status, detail) => {
    expect(await refused('POST', '/v1/services', service({ vip }))).toMatchObject({
      status,
      detail,
      field: 'vip',
    });
  });

  it('may be left out only where a NodePort leads to the service', async () => {
    const answer = await refused('POST', '/v1/services', service({ vip: 'none' }));
    expect(answer.detail).toBe(
      'vip "none" leaves the service unreachable: without a VIP a port needs a nodePort',
    );
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
    const answer = await refused('POST', '/v1/services', service({ ports: [{ port }] }));
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
    const answer = await refused('POST', '/v1/services', service({ ports }));
    expect(answer).toMatchObject({ status: 422, field });
    expect(answer.detail).toContain(detail);
  });
});

it('has at most 50 ports', async () => {
  const ports = Array.from({ length: 51 }, (_, index) => ({ port: index + 1 }));
  const answer = await refused('POST', '/v1/services', service({ ports }));
  expect(answer.detail).toContain('has more than 50 ports');
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
    const answer = await refused('POST', '/v1/services', service({ ports: [{ port: 88, nodePort }] }));
    expect(answer).toMatchObject({ status, field: 'ports[0].nodePort', detail });
  });

  it('is not given twice in one service', async () => {
    const ports = [
      { port: 88, nodePort: 30001 },
      { port: 89, nodePort: 30001 },
    ];
    const answer = await refused('POST', '/v1/services', service({ ports }));
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
    ['web-9', 'names no container: there is none called "web-9"'],
    ['x'.repeat(81), 'is longer than 80 characters'],
    [5, 'is not an endpoint'],
  ])('%j', async (ref, reason) => {
    const made = await refused('POST', '/v1/services', service({ endpoints: [ref] }));
    expect(made).toMatchObject({ status: 422, field: 'endpoints[0]' });
    expect(made.detail).toMatch(/^endpoints\[0\] /);
    expect(made.detail).toContain(reason);
  });

  it.each([
    ['2.2.2.9:80', 'is the VIP of the service itself'],
    ['web-9:80', 'names no container'],
    [undefined, 'to is missing'],
  ])('%j, added to a service', async (to, reason) => {
    const added = await refused('POST', '/v1/services/other/endpoints', { to });
    expect(added).toMatchObject({ status: 422, field: 'to' });
    expect(added.detail).toContain(reason);
  });

  it('is given once', async () => {
    const answer = await refused('POST', '/v1/services', service({ endpoints: ['web-1', 'web-1'] }));
    expect(answer.detail).toBe('endpoints[1] "web-1" is given twice');
  });

  it('names no port where the ports of the service differ', async () => {
    const ports = [{ port: 80 }, { port: 443 }];
    const answer = await refused('POST', '/v1/services', service({ ports, endpoints: ['web-1:80'] }));
    expect(answer.detail).toContain('names a port, but the service has several');
  });
});

/** What a rule set, a shell or a log could take for more than a name. */
const HOSTILE = [
  'two words',
  'new\nline',
  'quo"te',
  "quo'te",
  'a;flush ruleset',
  '} table ip x {',
  '$(reboot)',
  '`id`',
  '../../etc/passwd',
  'UPPER',
  '-start',
  'end-',
  'ümlaut',
  'nul\0',
  '',
  'n'.repeat(300),
];

describe('a name', () => {
  it.each(HOSTILE)('%j', async (name) => {
    expect(await refused('POST', '/v1/services', service({ name }))).toMatchObject({
      status: 422,
      field: 'name',
    });
    const inPath = await rig.ask(
      'PUT',
      `/v1/services/${encodeURIComponent(name)}`,
      service({ name: undefined }),
    );
    expect([404, 422]).toContain(inPath.status);
    const port = await refused('POST', '/v1/services', service({ ports: [{ port: 1, name }] }));
    expect(port).toMatchObject({ status: 422, field: 'ports[0].name' });
    const container = { name, host: 'host-1', command: ['sh'] };
    expect(await refused('POST', '/v1/containers', container)).toMatchObject({ status: 422, field: 'name' });
    const elsewhere = { ...container, name: 'good', host: name };
    expect(await refused('POST', '/v1/containers', elsewhere)).toMatchObject({ status: 422, field: 'host' });
  });

  it('in the body is that of the path', async () => {
    const answer = await refused('PUT', '/v1/services/a', service({ name: 'b' }));
    expect(answer.detail).toBe('name "b" is not the name in the path, "a"');
  });
});

describe('a container', () => {
  const container = (overrides: object) => ({ name: 'c', host: 'host-1', command: ['sh'], ...overrides });

  it.each([
    [{ host: 'host-9' }, 'host', 'host "host-9" is not a host of this cluster: the hosts are host-1, host-2'],
    [{ command: [] }, 'command', 'command [] is empty: a program is needed'],
    [{ command: 'sh -c' }, 'command', 'command "sh -c" is not a list of texts'],
    [{ command: [''] }, 'command[0]', 'command[0] "" is empty'],
    [{ command: ['a\0b'] }, 'command[0]', 'holds a NUL character'],
    [{ files: { 'www/x': '' } }, 'files', 'files "www/x" is not an absolute path of a file'],
    [{ files: { '/../etc/passwd': '' } }, 'files', 'is not an absolute path'],
    [{ files: { '/a//b': '' } }, 'files', 'is not an absolute path'],
    [{ files: { '/a/': '' } }, 'files', 'is not an absolute path'],
    [{ files: { '/proc/sys/x': '' } }, 'files', 'is not an absolute path'],
    [{ files: { '/a\nb': '' } }, 'files', 'is not an absolute path'],
    [{ files: { '/a': '', '/a/b': '' } }, 'files', 'files "/a" is a file and the directory of "/a/b"'],
    [{ files: { '/a': 5 } }, 'files./a', 'is not text'],
    [{ image: 'debian' }, 'image', 'image "debian" is not a known field of the body'],
  ])('%j', async (overrides, field, reason) => {
    const answer = await refused('POST', '/v1/containers', container(overrides));
    expect(answer.status).toBe(422);
    expect(answer.field.replaceAll('"', '')).toBe(field);
    expect(answer.detail).toContain(reason);
  });

  it('has at most 256 KiB of files', async () => {
    const answer = await refused(
      'POST',
      '/v1/containers',
      container({ files: { '/a': 'x'.repeat(300_000) } }),
    );
    expect(answer.detail).toContain('is too much: at most 262144 bytes');
  });

  it('has a name of its own', async () => {
    const answer = await refused('POST', '/v1/containers', container({ name: 'web-1' }));
    expect(answer).toMatchObject({ status: 409, field: 'name' });
    expect(answer.detail).toContain('name "web-1" is taken by another container, on host-1');
  });
});

describe('a request', () => {
  it.each([
    ['{', 400, 'the body is not JSON'],
    ['{"name": }', 400, 'the body is not JSON'],
    ['', 422, 'the body is missing: a JSON object is needed'],
    ['[]', 422, 'the body [] is not an object'],
    ['"x"', 422, 'the body "x" is not an object'],
    ['null', 422, 'the body is missing: a JSON object is needed'],
  ])('with the body %j', async (body, status, reason) => {
    const answer = await refused('POST', '/v1/services', body);
    expect(answer.status).toBe(status);
    expect(answer.detail).toContain(reason);
  });

  it.each([
    [{ colour: 'red' }, 'colour', 'colour "red" is not a known field of the body'],
    [
      { ports: [{ port: 1, prot: 'udp' }] },
      'ports[0].prot',
      'ports[0].prot "udp" is not a known field of ports[0]',
    ],
  ])('with an unknown field %j', async (overrides, field, detail) => {
    expect(await refused('POST', '/v1/services', service(overrides))).toMatchObject({
      status: 422,
      field,
      detail,
    });
  });

  it('with an unknown query parameter, which might have been a misspelt dryRun', async () => {
    const answer = await refused('POST', '/v1/services?dryrun=true', service({}));
    expect(answer.detail).toBe('dryrun "true" is not a known field of the query');
  });

  it('with a body that does not say that it is JSON', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await rig.ask('POST', '/v1/services', JSON.stringify(service({})), headers);
    expect(answer.status).toBe(415);
    expect(answer.body.detail).toContain('"application/x-www-form-urlencoded" is not "application/json"');
  });

  it.each([
    ['GET', '/v1/service', 404, 'there is no GET "/v1/service" here; /openapi.json lists what there is'],
    ['GET', '/v1/services/none', 404, 'there is no service "none"'],
    ['GET', '/v1/services/none/endpoints', 404, 'there is no service "none"'],
    ['DELETE', '/v1/services/none', 404, 'there is no service "none"'],
    [
      'DELETE',
      '/v1/services/other/endpoints/1.1.1.1:1',
      404,
      'service "other" has no endpoint "1.1.1.1:1"; it has 203.0.113.7:80',
    ],
    ['GET', '/v1/nodes/none', 404, 'there is no host "none"'],
    ['GET', '/v1/containers/none', 404, 'there is no container "none"'],
    ['DELETE', '/v1/containers/none', 404, 'there is no container "none"'],
    [
      'GET',
      '/v1/services?limit=0',
      422,
      'limit "0" is not a limit: a whole number from 1 to 10000 is needed',
    ],
    ['GET', '/v1/services?continue=%21', 422, 'continue "!" was not given out by an earlier answer'],
    ['GET', '/v1/services?watch=maybe', 422, 'watch "maybe" is neither "true" nor "false"'],
  ] as const)('%s %s', async (method, url, status, detail) => {
    const answer = await rig.ask(method, url);
    expect(answer).toMatchObject({ status, body: { status, detail } });
  });
});
