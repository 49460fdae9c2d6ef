import { execFileSync } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CausewayError } from '@causeway/shared/errors';
import type { HealthCheck } from '@causeway/shared/model/service';
import { afterEach, describe, expect, it } from 'vitest';
import { createAsk } from './ask.ts';
import { HEALTHY } from './verdict.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
      server.closeAllConnections();
  }
});

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const commands: unknown[][] = [];
let outcome: () => { exitCode: number; said: string };
const askOnce = createAsk({
  exec: async (...args) => {
    commands.push(args);
    return outcome();
  },
});

function ask(
  port: number,
  check: Partial<HealthCheck>,
  more: { address?: string; container?: string; signal?: AbortSignal } = {},
) {
  const { address = '127.0.0.1', container, signal = new AbortController().signal } = more;
  const question = {
    ...{
      key: 'web',
      endpoint: { service: 'web', portName: '', address, port },
      first: HEALTHY,
      isUnready: false,
    },
    check: { type: 'tcp', intervalMs: 1_000, timeoutMs: 2_000, rise: 1, fall: 3, ...check } as const,
    ...(container === undefined ? {} : { container }),
  };
  return askOnce(question, signal);
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}

describe('a TCP question', () => {
  it('is whether a connection is taken, at the endpoint’s port or another', async () => {
    const port = await listen(createServer());
    expect(await ask(port, {})).toBeUndefined();
    const closed = await closedPort();
    expect(await ask(closed, {})).toBe(`connecting to port ${closed}: ECONNREFUSED`);
    expect(await ask(closed, { port })).toBeUndefined();
    expect(await ask(port, { port: closed })).toMatch(/ECONNREFUSED/);
  });

  it('is asked in IPv6, too', async () => {
    const port = await listen(createServer(), '::1');
    expect(await ask(port, {}, { address: '::1' })).toBeUndefined();
  });

  it('leaves no connection open', async () => {
    const server = createServer();
    const port = await listen(server);
    const connected = once(server, 'connection');
    await ask(port, {});
    const [socket] = await connected;
    socket.resume();
    await once(socket, 'close');
  });
});

describe.each(['http', 'https'] as const)('a question by %s', (type) => {
  async function serve(answer: RequestListener): Promise<number> {
    if (type === 'http') return listen(createHttp(answer));
    return listen(createHttps(selfSigned(), answer));
  }

  it.each([
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [400, false],
    [503, false],
  ])('takes %d for %s', async (status, isGood) => {
    const requests: IncomingMessage[] = [];
    const port = await serve((request, reply) => {
      requests.push(request);
      reply.writeHead(status, { location: '/elsewhere' }).end();
    });
    const what = `${type.toUpperCase()} GET /health?x=1 on port ${port}`;
    expect(await ask(port, { type, path: '/health?x=1' })).toBe(
      isGood ? undefined : `${what}: it answered ${status}`,
    );
    expect(requests.map(({ method, url }) => [method, url])).toEqual([['GET', '/health?x=1']]);
    expect(requests[0]?.headers).toMatchObject({ host: `127.0.0.1:${port}`, 'user-agent': 'causeway-agent' });
  });

  it('ends in time, and where nobody listens', async () => {
    const port = await serve(() => undefined);
    expect(await ask(port, { type, timeoutMs: 100 })).toMatch(/no answer within 100 ms$/);
    expect(await ask(await closedPort(), { type })).toMatch(/ECONNREFUSED$/);
  });

  it('does not wait for the end of what is answered', async () => {
    const port = await serve((_, reply) => reply.writeHead(200).write('it goes on and on'));
    expect(await ask(port, { type })).toBeUndefined();
  });

  it('ends when nobody wants to know any more', async () => {
    const ended = new AbortController();
    const port = await serve(() => ended.abort());
    expect(await ask(port, { type }, { signal: ended.signal })).toMatch(/nobody wants to know any more$/);
    expect(getEventListeners(ended.signal, 'abort')).toEqual([]);
  });
});

it('HTTP is spoken also to what ends its lines in LF alone', async () => {
  const server = createServer((socket) => socket.end('HTTP/1.0 200 OK\nContent-Length: 0\n\n'));
  expect(await ask(await listen(server), { type: 'http' })).toBeUndefined();
});

it('HTTP is not spoken to what speaks something else', async () => {
  const server = createServer((socket) => socket.end('220 smtp.example.org\r\n'));
  expect(await ask(await listen(server), { type: 'http' })).toMatch(/^HTTP GET \/ on port \d+: HPE_INVALID/);
});

describe('a command', () => {
  const check = { type: 'command', command: ['check', '-x'], timeoutMs: 300 } as const;

  it('is run in the endpoint’s container, and its exit code is the answer', async () => {
    outcome = () => ({ exitCode: 0, said: 'fine' });
    expect(await ask(80, check, { container: 'web-1' })).toBeUndefined();
    expect(commands).toEqual([
      ['web-1', { command: ['check', '-x'], timeoutMs: 300, signal: expect.any(AbortSignal) }],
    ]);
    outcome = () => ({ exitCode: 3, said: 'no database' });
    expect(await ask(80, check, { container: 'web-1' })).toBe('running check: exit 3: no database');
    outcome = () => ({ exitCode: 1, said: '' });
    expect(await ask(80, check, { container: 'web-1' })).toBe('running check: exit 1');
  });

  it('that hangs, or has no container, is a fault', async () => {
    outcome = () => {
      throw new CausewayError('timeout', 'no end within 300 ms');
    };
    expect(await ask(80, check, { container: 'web-1' })).toBe('running check: no end within 300 ms');
    expect(await ask(80, check)).toBe('running check: the endpoint is no container of ours');
  });
});

function selfSigned() {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-ask-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', [...args, '-keyout', key, '-out', cert, '-subj', '/CN=nobody', '-days', '1'], {
    stdio: 'ignore',
  });
  try {
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
