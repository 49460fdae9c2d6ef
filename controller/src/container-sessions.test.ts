import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Rig, startRig } from '../../test/support/controller.ts';

let rig: Rig;
let port: number;
beforeAll(async () => {
  rig = await startRig();
  await rig.ask('POST', '/v1/containers', {
    name: 'other',
    host: 'host-1',
    attach: { kind: 'docker', id: 'x' },
  });
  await rig.app.listen({ host: '127.0.0.1', port: 0 });
  port = (rig.app.server.address() as AddressInfo).port;
  await rig.settled();
});
afterAll(() => rig.close());

/** How a request for a WebSocket is refused. */
function refusal(path: string, headers: Readonly<Record<string, string>> = {}) {
  const opening = {
    ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  return new Promise<{ status: number; detail: string }>((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, headers: { ...opening, ...headers } });
    asked.on('error', reject);
    asked.on('response', async (response) => {
      const text = (await response.toArray()).join('');
      resolve({ status: response.statusCode ?? 0, detail: JSON.parse(text).detail });
    });
    asked.end();
  });
}

it.each([
  ['/v1/containers/nobody/exec', {}, 404, 'there is no container "nobody"'],
  [
    '/v1/containers/other/exec',
    {},
    409,
    'running a command in container other: it is docker:x, which is run by others',
  ],
  ['/v1/containers/web-1/exec', { origin: 'http://a.example' }, 403, 'pages in browsers may run no commands'],
  ['/v1/containers/web-1/exec', { upgrade: 'h2c' }, 426, 'this is asked for as a WebSocket'],
  ['/v1/containers/web-1/exec', {}, 503, 'asking the agent of host-1: '],
  ['/v1/nothing', {}, 404, 'there is no GET "/v1/nothing" here'],
])(
  'answers a request for a WebSocket at %s with %j as any other: %d',
  async (path, headers, status, sentence) => {
    const answer = await refusal(path, headers);
    expect(answer).toMatchObject({ status, detail: expect.stringContaining(sentence) });
  },
);

it('answers what asks for another protocol where there is none to be had', async () => {
  const answer = await refusal('/v1/containers/nobody', { upgrade: 'h2c' });
  expect(answer).toEqual({ status: 404, detail: 'there is no container "nobody"' });
});

it('reads the body that comes with an offer of another protocol, and answers what comes after it', async () => {
  const ask = (body: string, offer: string) =>
    `POST /v1/containers HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n${offer}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const socket = connect(port, '127.0.0.1');
  const body = (host: string) => JSON.stringify({ name: 'new', host, command: ['httpd'] });
  const offer = 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
  const [first, second] = [ask(body('nowhere'), offer), ask(body('nobody'), '')];
  // In the middle of a body, and with the next request behind it.
  socket.write(first.slice(0, -5));
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk;
  });
  socket.write(`${first.slice(-5)}${second}`);
  await expect.poll(() => heard, { timeout: 20_000 }).toContain('host \\"nobody\\" is not a host');
  expect(heard).toContain('host \\"nowhere\\" is not a host');
  socket.destroy();
});

it.each(['websocket', 'h2c'])(
  'ends a connection on which %s is asked for before its last answer',
  async (protocol) => {
    const socket = connect(port, '127.0.0.1');
    const head = 'GET /v1/containers/nobody/exec HTTP/1.1\r\nHost: a\r\n';
    const closed = once(socket.resume(), 'close');
    socket.write(`${head}\r\n${head}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
    await closed;
    expect((await rig.ask('GET', '/v1/containers')).status).toBe(200);
  },
);

it.each([
  ['/v1/containers/nobody/log', 404, 'there is no container "nobody"'],
  ['/v1/containers/web-1/log?tail=-1', 422, 'tail "-1" is not a number of lines'],
  ['/v1/containers/web-1/log?since=yesterday', 422, 'since "yesterday" is not a time'],
  ['/v1/containers/other/log', 409, 'reading the log of container other: it is docker:x'],
  ['/v1/containers/web-1/log', 503, 'asking the agent of host-1: '],
  ['/v1/containers/nobody/net', 404, 'there is no container "nobody"'],
  ['/v1/containers/other/net', 409, 'looking at the network of container other: it does not run'],
  ['/v1/nodes/nobody/net', 404, 'there is no host "nobody"'],
])('says why it answers %s with %d', async (path, status, sentence) => {
  const { status: found, body } = await rig.ask('GET', path);
  expect([found, body.detail]).toEqual([status, expect.stringContaining(sentence)]);
});
