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
    expect(await refused(rig, 'POST', '/v1/services', service({ name }))).toMatchObject({
      status: 422,
      field: 'name',
    });
    const inPath = await rig.ask(
      'PUT',
      `/v1/services/${encodeURIComponent(name)}`,
      service({ name: undefined }),
    );
    expect([404, 422]).toContain(inPath.status);
    const port = await refused(rig, 'POST', '/v1/services', service({ ports: [{ port: 1, name }] }));
    expect(port).toMatchObject({ status: 422, field: 'ports[0].name' });
    const container = { name, host: 'host-1', command: ['sh'] };
    expect(await refused(rig, 'POST', '/v1/containers', container)).toMatchObject({
      status: 422,
      field: 'name',
    });
    const elsewhere = { ...container, name: 'good', host: name };
    expect(await refused(rig, 'POST', '/v1/containers', elsewhere)).toMatchObject({
      status: 422,
      field: 'host',
    });
  });

  it('in the body is that of the path', async () => {
    const answer = await refused(rig, 'PUT', '/v1/services/a', service({ name: 'b' }));
    expect(answer.detail).toBe('name "b" is not the name in the path, "a"');
  });
});

describe('a container', () => {
  const container = (overrides: object) => ({ name: 'c', host: 'host-1', command: ['sh'], ...overrides });

  it.each([
    [{ host: 'host-9' }, 'host', 'host "host-9" is not a host of this cluster: the hosts are host-1, host-2'],
    [{ command: [] }, 'command', 'command [] is empty: the built-in image busybox needs a program'],
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
    [{ image: 'debian' }, 'image', 'image "debian" is not an image of this cluster: it has busybox'],
    [{ colour: 'red' }, 'colour', 'colour "red" is not a known field of the body'],
  ])('%j', async (overrides, field, reason) => {
    const answer = await refused(rig, 'POST', '/v1/containers', container(overrides));
    expect(answer.status).toBe(422);
    expect(answer.field.replaceAll('"', '')).toBe(field);
    expect(answer.detail).toContain(reason);
  });

  it('has at most 256 KiB of files', async () => {
    const answer = await refused(
      rig,
      'POST',
      '/v1/containers',
      container({ files: { '/a': 'x'.repeat(300_000) } }),
    );
    expect(answer.detail).toContain('is too much: at most 262144 bytes');
  });

  it('has a name of its own', async () => {
    const answer = await refused(rig, 'POST', '/v1/containers', container({ name: 'web-1' }));
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
    const answer = await refused(rig, 'POST', '/v1/services', body);
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
    expect(await refused(rig, 'POST', '/v1/services', service(overrides))).toMatchObject({
      status: 422,
      field,
      detail,
    });
  });

  it('with an unknown query parameter, which might have been a misspelt dryRun', async () => {
    const answer = await refused(rig, 'POST', '/v1/services?dryrun=true', service({}));
    expect(answer.detail).toBe('dryrun "true" is not a known field of the query');
  });

  it('with a body that does not say that it is JSON', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await rig.ask('POST', '/v1/services', JSON.stringify(service({})), headers);
    expect(answer.status).toBe(415);
    expect(answer.body.detail).toContain('"application/x-www-form-urlencoded" is not "application/json"');
    expect(answer.body.value).toBe('application/x-www-form-urlencoded');
    const garbled = await rig.ask('POST', '/v1/services', '{}', { 'content-type': 'a b' });
    expect(garbled).toMatchObject({ status: 415, body: { detail: expect.stringContaining('"a b"') } });
  });

  it.each([
    [
      '/v1/services/%zz',
      400,
      'the path "/v1/services/%zz" has a % that no two hexadecimal digits of UTF-8 text follow',
    ],
    [`/v1/services/${'n'.repeat(1001)}`, 414, 'has a part that is longer than any name'],
    ['/v1/services/%1b%5b31m', 404, 'there is no service "\\u001b[31m"'],
    ['/v1/containers/a%0ab', 404, 'there is no container "a\\nb"'],
    ['/v1/nodes/a%00', 404, 'there is no host "a\\u0000"'],
  ])('whose path is %s', async (url, status, detail) => {
    const answer = await rig.ask('GET', url);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.detail).toContain(detail);
  });

  it('with a body that is too large', async () => {
    const answer = await refused(rig, 'POST', '/v1/services', `"${'x'.repeat(1024 * 1024)}"`);
    expect(answer).toMatchObject({
      status: 413,
      field: 'the body',
      value: 1048578,
      detail: 'the body of 1048578 bytes is larger than 1048576 bytes, the most that is read',
    });
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
