import { once } from 'node:events';
import { createConnection } from 'node:net';
import { PassThrough } from 'node:stream';
import { createAgents } from '@causeway/controller/agents/agents';
import { View } from '@causeway/controller/view/view';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type AgentApi, type AgentApiDeps, createAgentApi } from '../../node-agent/src/agent-api.ts';
import { createPeerClient } from '../../node-agent/src/api/client.ts';
import { pingRoute } from '../../node-agent/src/api/ping.ts';
import { createLogger } from '../../node-agent/src/logger.ts';
import { decodeAgent } from '../../shared/src/store/codec.ts';
import { keys } from '../../shared/src/store/keys.ts';
import type { LeaseHandle, Store } from '../../shared/src/store/store.ts';
import { freePorts, startEtcd, type TestEtcd } from '../support/etcd.ts';
import { openStore, patient } from '../support/store.ts';

/** The way to an agent: its server and key, etcd, and those who ask, as they are. */
let etcd: TestEtcd;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd.stop());

let hosts = 0;

interface Host {
  readonly name: string;
  readonly store: Store;
  readonly alive: { readonly key: string; readonly value: string };
  lease: LeaseHandle;
  /** Starts an agent of the host; the one before it may still be there. */
  start(options?: Partial<AgentApiDeps>): Promise<AgentApi>;
  /** What etcd has of it. */
  told(): Promise<string | undefined>;
}

/** A host that has joined; its agent is of an address and a port of its own. */
async function hostWith(port: number): Promise<Host> {
  hosts += 1;
  const name = `host-${hosts}`;
  const store = openStore(etcd.endpoint);
  const lease = await store.grantLease(60);
  const alive = { key: keys.alive(name), value: JSON.stringify({ id: name, instance: 'me' }) };
  const node = { name, id: name, addresses: ['127.0.0.1'], dataplane: 'nftables', version: '1' };
  const ipv4 = { publicIp: '127.0.0.1', network: '127.0.0.0/8' };
  await store.transaction(
    [],
    [
      { put: alive.key, value: alive.value, lease },
      { put: keys.node(name), value: JSON.stringify({ ...node, ipv4 }), lease },
    ],
  );
  const told = async () => (await store.get(keys.agent(name)))?.value;
  const host: Host = {
    ...{ name, store, alive, lease, told },
    start: async (options = {}) => {
      const before = await told();
      const api = createAgentApi({
        ...{ host: name, at: { port }, address: '127.0.0.1', routes: [pingRoute(name)] },
        ...{ store, alive, liveness: () => host.lease, log: createLogger('silent', name), ...options },
      });
      onTestFinished(() => api.stop());
      await vi.waitFor(async () => expect([undefined, before]).not.toContain(await told()), patient);
      return api;
    },
  };
  return host;
}

async function controller() {
  const store = openStore(etcd.endpoint);
  const view = new View(store);
  onTestFinished(() => view.close());
  await view.whole(20_000);
  return { view, agents: createAgents(view) };
}

const PING = { path: '/v1/ping' };
const port = async () => (await freePorts(1))[0] ?? 0;

describe('the way to an agent', () => {
  it('is found by several controllers and by other agents', async () => {
    const host = await hostWith(await port());
    await host.start();
    const both = await Promise.all([controller(), controller()]);
    for (const { agents } of both)
      expect(await agents.json(host.name, PING)).toMatchObject({ node: host.name });
    const { body } = await createPeerClient(host.store).request(host.name, PING);
    expect(JSON.parse(String((await body.toArray()).join('')))).toMatchObject({ node: host.name });
  });

  it('is followed at once when an agent is started again, with another key', async () => {
    const host = await hostWith(await port());
    const first = await host.start();
    const { agents } = await controller();
    await agents.text(host.name, PING);
    const before = await host.told();
    await first.stop();
    expect(await host.told()).toBeUndefined();
    // Asked before it is there again.
    const [answer] = await Promise.all([agents.json(host.name, PING), host.start()]);
    expect(answer).toMatchObject({ node: host.name });
    expect(await host.told()).not.toBe(before);
  });

  it('is nobody’s who has another key, and no key is in what is said', async () => {
    const host = await hostWith(await port());
    await host.start();
    const value = JSON.parse((await host.told()) ?? '');
    const wrong = { ...value, key: 'ab'.repeat(32) };
    await host.store.transaction([], [{ put: keys.agent(host.name), value: JSON.stringify(wrong) }]);
    const refused = createPeerClient(host.store).request(host.name, PING);
    await expect(refused).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(
        /^asking the agent of host-\d+ at 127\.0\.0\.1:\d+: it does not take the key/,
      ),
    });
    const plain = createConnection(value.port, '127.0.0.1').end('GET /v1/ping HTTP/1.1\r\nHost: x\r\n\r\n');
    const heard: Buffer[] = [];
    plain.on('data', (chunk: Buffer) => heard.push(chunk));
    await once(plain, 'close');
    expect(Buffer.concat(heard).toString('latin1')).not.toContain(host.name);
    const unreadable = decodeAgent({
      ...{ key: keys.agent(host.name), value: `{"key":"${value.key}`, leaseId: '0' },
      ...{ modRevision: 1, createRevision: 1 },
    });
    expect(JSON.stringify(unreadable) + String(unreadable)).not.toContain(value.key.slice(0, 8));
  });

  it('is written again when etcd has lost it, and when the sign of life is on another lease', async () => {
    const host = await hostWith(await port());
    const api = await host.start();
    const before = await host.told();
    await host.store.transaction([], [{ delete: keys.agent(host.name) }]);
    api.verify();
    await vi.waitFor(async () => expect(await host.told()).toBe(before), patient);
    const next = await host.store.grantLease(60);
    await host.lease.revoke();
    host.lease = next;
    expect(await host.told()).toBeUndefined();
    const sign = { put: host.alive.key, value: host.alive.value, lease: next };
    await host.store.transaction([], [sign]);
    api.again();
    await vi.waitFor(async () => expect(await host.told()).toBe(before), patient);
  });

  it('is not told by an agent whose sign of life is another’s', async () => {
    const host = await hostWith(await port());
    await host.store.transaction([], [{ put: host.alive.key, value: 'another' }]);
    const api = createAgentApi({
      ...{ host: host.name, at: { port: await port() }, address: '127.0.0.1', routes: [] },
      ...{
        store: host.store,
        alive: host.alive,
        liveness: () => host.lease,
        log: createLogger('silent', 'x'),
      },
    });
    onTestFinished(() => api.stop());
    await vi.waitFor(
      () => expect(api.problem()).toMatch(/sign of life in etcd is not this agent's/),
      patient,
    );
    expect(await host.told()).toBeUndefined();
  });

  it('goes with the host’s address', async () => {
    const host = await hostWith(await port());
    const api = await host.start();
    api.moved('127.0.0.2');
    await vi.waitFor(async () => expect(await host.told()).toContain('"address":"127.0.0.2"'), patient);
    const { agents } = await controller();
    expect(await agents.json(host.name, PING)).toMatchObject({ node: host.name });
  });

  it('waits for a port that another process has, and says so', async () => {
    const taken = await port();
    const other = await hostWith(taken);
    const first = await other.start();
    const host = await hostWith(taken);
    const started = host.start();
    const { agents } = await controller();
    await expect(agents.text(host.name, PING)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^asking the agent of host-\d+: it has stopped, serves no API/),
    });
    await first.stop();
    await started;
    expect(await agents.json(host.name, PING)).toMatchObject({ node: host.name });
  });

  it('is told of a host that is none, and of one whose agent was killed in the midst of an answer', async () => {
    const { agents } = await controller();
    const none = { code: 'not-found', message: 'there is no host "nowhere"' };
    await expect(agents.text('nowhere', PING)).rejects.toMatchObject(none);
    const host = await hostWith(await port());
    const endless = { method: 'GET', path: '/endless' } as const;
    const handle = async () => ({ stream: new PassThrough(), type: 'text/plain' });
    const api = await host.start({ routes: [{ ...endless, handle }] });
    await vi.waitFor(() => agents.request(host.name, endless).then(({ body }) => body.destroy()), patient);
    const { body } = await agents.request(host.name, endless);
    const ended = once(body.resume(), 'end');
    await Promise.all([api.stop(), expect(ended).rejects.toMatchObject({ code: 'unreachable' })]);
  });
});
