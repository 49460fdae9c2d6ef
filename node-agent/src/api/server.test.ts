import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { requestAgent, textFromAgent, upgradeAgent } from '@causeway/shared/agent-client/client';
import { CausewayError } from '@causeway/shared/errors';
import type { AgentAddress } from '@causeway/shared/model/agent-api';
import { afterEach, describe, expect, it } from 'vitest';
import { pingRoute } from './ping.ts';
import type { Call, Route } from './routes.ts';
import { type ApiServer, serveApi } from './server.ts';

const KEY = 'ab'.repeat(32);
const log = { debug: () => undefined, warn: () => undefined, error: () => undefined };
const servers: ApiServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function agentWith(...routes: Route[]): Promise<AgentAddress> {
  const server = await serveApi({ address: '127.0.0.1', port: 0, key: KEY, routes, log });
  servers.push(server);
  return { node: 'host-1', address: '127.0.0.1', port: server.port, key: KEY };
}

const get = (
  path: string,
  handle: Extract<Route, { method: 'GET' | 'POST' | 'PUT' | 'DELETE' }>['handle'],
): Route => ({
  ...{ method: 'GET', path, handle },
});

describe('the API of an agent', () => {
  it('answers whoever has its key', async () => {
    const agent = await agentWith(pingRoute('host-1'));
    expect(JSON.parse(await textFromAgent(agent, { path: '/v1/ping' }))).toMatchObject({ node: 'host-1' });
  });

  it('gives nothing to others, and says so in a sentence that names the host', async () => {
    const agent = await agentWith(pingRoute('host-1'));
    const asked = textFromAgent({ ...agent, key: 'cd'.repeat(32) }, { path: '/v1/ping' });
    await expect(asked).rejects.toMatchObject({
      code: 'unreachable',
      message: `asking the agent of host-1 at 127.0.0.1:${agent.port}: it does not take the key that etcd has of it`,
    });
    await expect(fetch(`http://127.0.0.1:${agent.port}/v1/ping`)).rejects.toThrow();
  });

  it('names the parts of a path, decoded, and its query', async () => {
    const route = get('/v1/things/:name/part', async ({ params, query }) => ({
      json: { ...params, tail: query.get('tail') },
    }));
    const text = await textFromAgent(await agentWith(route), { path: '/v1/things/a%2Fb/part?tail=3' });
    expect(JSON.parse(text)).toEqual({ name: 'a/b', tail: '3' });
  });

  it.each(['/v1/nothing', '/v1/%zz', '/v1/things/x/part/more'])('has no %s', async (path) => {
    const agent = await agentWith(pingRoute('host-1'));
    await expect(textFromAgent(agent, { path })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining("the host's agent has no GET"),
    });
  });

  it('tells its own errors as they are, and of others only that there was one', async () => {
    const agent = await agentWith(
      get('/own', async () => {
        throw new CausewayError('conflict', 'doing it for web: taken', { field: 'name', value: 'web' });
      }),
      get('/other', async () => {
        throw new Error('a secret');
      }),
    );
    const own = { code: 'conflict', message: 'doing it for web: taken', field: 'name', value: 'web' };
    await expect(requestAgent(agent, { path: '/own' })).rejects.toMatchObject(own);
    const other = { code: 'internal', message: "the host's agent failed; its log says why" };
    await expect(requestAgent(agent, { path: '/other' })).rejects.toMatchObject(other);
  });

  it('streams both ways', async () => {
    const agent = await agentWith({
      ...{ method: 'POST', path: '/echo' },
      handle: async ({ request }: Call) => ({ stream: request, type: 'application/octet-stream' }),
    });
    const chunk = Buffer.alloc(64 * 1024, 7);
    const body = Readable.from(Array.from({ length: 320 }, () => chunk));
    const answer = await requestAgent(agent, { method: 'POST', path: '/echo', body });
    let length = 0;
    for await (const part of answer.body) length += part.length;
    expect(length).toBe(320 * chunk.length);
  });

  it('tells a reader when a stream breaks off, and a handler when its reader has gone', async () => {
    const broken = new PassThrough();
    let gone = Promise.resolve<unknown>(undefined);
    const agent = await agentWith(
      get('/broken', async () => ({ stream: broken, type: 'text/plain' })),
      get('/endless', async ({ signal }) => {
        gone = once(signal, 'abort');
        return { stream: new PassThrough(), type: 'text/plain' };
      }),
    );
    const first = await requestAgent(agent, { path: '/broken' });
    const read = once(first.body, 'end');
    first.body.resume();
    broken.destroy(new Error('torn'));
    await expect(read).rejects.toMatchObject({ code: 'unreachable' });
    const second = await requestAgent(agent, { path: '/endless' });
    second.body.destroy();
    await gone;
  });

  it('waits no longer for a silent agent than asked, but for a slow reader', async () => {
    const silent = new PassThrough();
    const agent = await agentWith(
      get('/silent', async () => ({ stream: silent, type: 'text/plain' })),
      get('/large', async () => ({
        stream: Readable.from(Array.from({ length: 200 }, () => Buffer.alloc(64 * 1024))),
        type: 'text/plain',
      })),
    );
    const first = await requestAgent(agent, { path: '/silent', idleMs: 100 });
    const read = once(first.body, 'end');
    first.body.resume();
    await expect(read).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('host-1 at'),
    });
    const second = await requestAgent(agent, { path: '/large', idleMs: 100 });
    await sleep(500);
    let length = 0;
    for await (const part of second.body) length += part.length;
    expect(length).toBe(200 * 64 * 1024);
  });

  it('lets a connection become one of another protocol, or says why not', async () => {
    const agent = await agentWith(
      {
        ...{ method: 'UPGRADE', path: '/echo' },
        handle: async (_call, socket) => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
          socket.pipe(socket);
        },
      },
      {
        ...{ method: 'UPGRADE', path: '/never' },
        handle: async () => {
          throw new CausewayError('not-found', 'there is no container web');
        },
      },
    );
    const { socket } = await upgradeAgent(agent, { path: '/echo', headers: { upgrade: 'echo' } });
    socket.write('hello');
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    socket.destroy();
    const refused = upgradeAgent(agent, { path: '/never', headers: { upgrade: 'echo' } });
    await expect(refused).rejects.toMatchObject({ code: 'not-found', message: 'there is no container web' });
  });

  it('ends what is under way when it is closed, and is unreachable then', async () => {
    const agent = await agentWith(
      get('/endless', async () => ({ stream: new PassThrough(), type: 'text/plain' })),
    );
    const { body } = await requestAgent(agent, { path: '/endless' });
    const read = once(body, 'end');
    body.resume();
    await servers.pop()?.close();
    await expect(read).rejects.toMatchObject({ code: 'unreachable' });
    await expect(requestAgent(agent, { path: '/endless' })).rejects.toMatchObject({
      code: 'unreachable',
      message: `asking the agent of host-1 at 127.0.0.1:${agent.port}: connection refused: no agent listens there`,
    });
  });
});
