import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { useClient } from '../support/client.ts';
import { problem } from '../support/fake-controller.ts';
import { Client } from './client.ts';
import { parseServer } from './discover.ts';

const up = useClient();
const { controller } = up;

it('gives the controller’s own sentence and code', async () => {
  controller.answer('GET', '/v1/x', problem('exhausted', 409, 'no VIP is left'));
  await expect(up.client.get('/v1/x')).rejects.toMatchObject({
    code: 'exhausted',
    message: 'no VIP is left',
  });
});

it.each([
  [400, 'invalid'],
  [404, 'not-found'],
  [412, 'conflict'],
  [500, 'internal'],
  [502, 'unreachable'],
])('reads HTTP status %i without a problem as %s', async (status, code) => {
  controller.answer('GET', '/v1/x', { status, text: '<html>' });
  const message = `GET /v1/x of ${up.client.server.text}: the answer is HTTP status ${status}`;
  await expect(up.client.get('/v1/x')).rejects.toMatchObject({ code, message });
});

it('says so when the answer is not JSON', async () => {
  const headers = { 'content-type': 'application/json' };
  controller.answer('GET', '/v1/x', { text: '{"a":', headers });
  await expect(up.client.get('/v1/x')).rejects.toMatchObject({ code: 'unreadable' });
});

it('reads all pages of a list', async () => {
  controller.on(({ query }) =>
    query.continue === 'b'
      ? { body: { items: [3], revision: 5 } }
      : { body: { items: [1, 2], revision: 4, continue: 'b' } },
  );
  expect(await up.client.list('/v1/x')).toEqual({ items: [1, 2, 3], revision: 4 });
});

it('takes the revision of a write from body or header, the newer of both', async () => {
  const headers = { 'x-causeway-revision': '12' };
  controller.answer('PUT', '/v1/x', { body: { revision: 9 }, headers });
  controller.answer('DELETE', '/v1/x', { status: 200, body: {}, headers });
  expect((await up.client.ask('PUT', '/v1/x')).revision).toBe(12);
  expect((await up.client.ask('DELETE', '/v1/x')).revision).toBe(12);
});

it('sends nothing that is larger than what a controller reads', async () => {
  const body = { text: 'x'.repeat(1024 * 1024) };
  await expect(up.client.ask('PUT', '/v1/x', { body })).rejects.toMatchObject({
    code: 'invalid',
    message: 'the definition is too large: it has 1048587 bytes, a controller takes at most 1048576',
  });
  expect(controller.asked).toEqual([]);
});

it('reads the answer to an archive that is refused while it is being sent', async () => {
  let closes: boolean | undefined;
  const server = createServer((request, response) => {
    request.once('data', () => {
      // What the server does with the connection then: closing it would break off who is sending.
      closes = !response.shouldKeepAlive;
      response.writeHead(422, { 'content-type': 'application/problem+json' });
      response.end('{"code":"invalid","detail":"the archive is none"}');
      request.resume();
    });
  });
  const { port } = await new Promise<AddressInfo>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo)),
  );
  let left = 500;
  const chunk = Buffer.alloc(64 * 1024);
  const archive = new Readable({ read: () => setImmediate(() => archive.push(left-- > 0 ? chunk : null)) });
  const near = new Client(parseServer('server', `http://127.0.0.1:${port}`));
  try {
    const asked = near.ask('POST', '/v1/images', { archive });
    await expect(asked).rejects.toMatchObject({ code: 'invalid', message: 'the archive is none' });
    expect([closes, archive.destroyed, left > 0]).toEqual([false, true, true]);
    const connections = promisify(server.getConnections.bind(server));
    await expect.poll(connections).toBe(0);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

it('says in one sentence that nobody answers', async () => {
  await controller.stop();
  const message = `GET /v1/x of ${up.client.server.text}: connection refused: is the controller running?`;
  await expect(up.client.get('/v1/x')).rejects.toMatchObject({ code: 'unreachable', message });
  const away = new Client(parseServer('server', 'unix:/nonexistent/x.sock'));
  await expect(away.get('/v1/x')).rejects.toThrow('there is no such socket');
});

it('talks over unix sockets, also those whose path is too long for the kernel', async () => {
  const root = mkdtempSync(join(tmpdir(), 'svcctl-'));
  const folder = join(root, 'x'.repeat(120));
  mkdirSync(folder);
  const server = createServer((_, response) =>
    response.setHeader('content-type', 'application/json').end('{"a":1}'),
  );
  // The server, too, needs a path that fits.
  const here = process.cwd();
  process.chdir(folder);
  await new Promise<void>((resolve) => server.listen('s', resolve));
  process.chdir(here);
  try {
    const far = new Client(parseServer('server', `unix:${join(folder, 's')}`));
    expect(await far.get('/v1/x')).toEqual({ a: 1 });
  } finally {
    server.close();
    server.closeAllConnections();
    rmSync(root, { recursive: true });
  }
});
