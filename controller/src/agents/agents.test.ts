import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { PSK_TLS } from '@causeway/shared/agent-client/protocol';
import { afterEach, expect, it } from 'vitest';
import type { View } from '../view/view.ts';
import { createAgents } from './agents.ts';

const KEYS = ['aa'.repeat(32), 'bb'.repeat(32)] as const;
let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Agents of one host, each of which breaks off in the middle of what it is asked. */
async function brokenAgents() {
  let heard = 0;
  server = createServer({
    ...PSK_TLS,
    // It has been started again by the time it is asked once more.
    pskCallback: () => Buffer.from(KEYS[heard] ?? KEYS[1], 'hex'),
  });
  server.on('request', (request) => {
    heard += 1;
    request.once('data', () => request.socket.destroy());
    request.once('end', () => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const told = () => ({
    value: { node: 'host-1', address: '127.0.0.1', port, key: KEYS[heard] ?? KEYS[1] },
    revision: heard,
  });
  const view = {
    tables: {
      agent: { get: told },
      alive: new Set(['host-1']),
      node: new Set(['host-1']),
    },
    until: async (isSo: () => boolean) => isSo(),
  };
  return { agents: createAgents(view as unknown as View), heard: () => heard };
}

it('asks an agent that was started again once more, but not with what is left of a stream', async () => {
  const whole = await brokenAgents();
  const again = whole.agents.request('host-1', { method: 'POST', path: '/v1/x', body: 'all of it' });
  await expect(again).rejects.toMatchObject({ code: 'unreachable' });
  expect(whole.heard()).toBe(2);
  server.close();

  const { agents, heard } = await brokenAgents();
  const body = Readable.from(['a part', 'and the rest'].map((text) => Buffer.from(text)));
  const broken = agents.request('host-1', { method: 'POST', path: '/v1/x', body });
  await expect(broken).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(/^asking the agent of host-1 at 127\.0\.0\.1:\d+: /),
  });
  expect(heard()).toBe(1);
});
