import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { messageOf } from '@causeway/shared/errors';
import { keys } from '@causeway/shared/store/keys';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { follow, openStore, patient } from '../support/store.ts';

const ROOT = { username: 'root', password: 'r00t-secret' };
const AGENT = { username: 'agent', password: 'hunter2-secret' };
const PREFIX = '/net-a';

let etcd: TestEtcd;
let token = '';

/** etcd's own JSON API, as an administrator uses it. */
async function admin(path: string, body: object): Promise<Record<string, unknown>> {
  const reply = await fetch(`${etcd.endpoint}/v3/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: token === '' ? {} : { authorization: token },
  });
  const answer = await reply.text();
  if (reply.status !== 200) throw new Error(`${path}: ${answer}`);
  return JSON.parse(answer) as Record<string, unknown>;
}

async function signIn(): Promise<void> {
  token = '';
  const answer = await admin('auth/authenticate', { name: ROOT.username, password: ROOT.password });
  token = String(answer.token);
}

async function allow(role: string, prefix: string): Promise<void> {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  const perm = {
    permType: 'READWRITE',
    key: Buffer.from(prefix).toString('base64'),
    range_end: end.toString('base64'),
  };
  await admin('auth/role/grant', { name: role, perm });
}

/** A user for everything, and one who may see one network's keys alone. */
beforeAll(async () => {
  etcd = await startEtcd();
  await admin('auth/role/add', { name: 'root' });
  await admin('auth/role/add', { name: 'agent' });
  for (const { username: name, password } of [ROOT, AGENT]) {
    await admin('auth/user/add', { name, password });
    await admin('auth/user/grant', { user: name, role: name });
  }
  await allow('agent', `${PREFIX}/`);
  await allow('agent', '/causeway/networks/%2Fnet-a/');
  await admin('auth/enable', {});
  await signIn();
});
afterAll(() => etcd?.stop());

describe('as a user of etcd', () => {
  it('reads, writes, watches and leases what the user may', async () => {
    const store = openStore(etcd.endpoint, { auth: AGENT, prefix: PREFIX });
    const followed = follow(store, keys.networkPrefix);
    await followed.isConnected();
    const lease = await store.grantLease(10);
    const { ok } = await store.transaction(
      [{ key: keys.node('a'), absent: true }],
      [
        { put: keys.networkConfig, value: 'x', lease },
        { put: keys.node('a'), value: 'y', lease },
      ],
    );
    expect(ok).toBe(true);
    await followed.holds({ [keys.networkConfig]: 'x' });
    expect((await store.timeToLive(lease.id))?.granted).toBe(10);
    await store.ping();
    await lease.revoke();
    await followed.holds({});
  });

  it('is told what the user may not, and by which key', async () => {
    const store = openStore(etcd.endpoint, { auth: AGENT });
    await expect(store.get(keys.networkConfig)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/reading \/coreos\.com\/network\/config at etcd .*permission denied/),
    });
  });

  it('goes on when etcd has forgotten who is signed in', async () => {
    const store = openStore(etcd.endpoint, { auth: AGENT, prefix: PREFIX });
    const followed = follow(store, keys.subnetPrefix);
    await followed.isConnected();
    const lease = await store.grantLease(20);
    // Its tokens are in its memory.
    await etcd.kill();
    await followed.isBroken();
    await etcd.restart();
    await signIn();
    await followed.isConnected();
    const key = keys.subnet({ ipv4: '10.10.1.0/24' });
    await store.transaction([], [{ put: key, value: 'x', lease }]);
    await followed.holds({ [key]: 'x' });
    await store.transaction([], [{ delete: key }]);
  });

  it('comes back when the password that was wrong is put right', async () => {
    const store = openStore(etcd.endpoint, { auth: { ...AGENT, password: 'later' }, prefix: PREFIX });
    const followed = follow(store, keys.networkPrefix);
    await followed.isBroken();
    await admin('auth/user/changepw', { name: AGENT.username, password: 'later' });
    await followed.isConnected();
    await admin('auth/user/changepw', { name: AGENT.username, password: AGENT.password });
  });
});

describe('a password', () => {
  it('is in no error, log line or property of one', async () => {
    const wrong = { username: 'agent', password: 'wr0ng-secret' };
    const store = openStore(etcd.endpoint, { auth: wrong });
    const told: string[] = [];
    const watch = store.watchPrefix(keys.networkPrefix, {
      onState: () => {},
      onConnection: (_up, reason) => void told.push(reason),
    });
    await vi.waitFor(() => expect(told).toHaveLength(1), patient);
    watch.close();
    const errors = await Promise.all(
      [store.get('/x'), store.ping(), store.grantLease(5), store.transaction([], [{ delete: '/x' }])].map(
        (work) =>
          work.then(
            () => undefined,
            (error: unknown) => error,
          ),
      ),
    );
    for (const error of errors) {
      expect(messageOf(error)).toMatch(/at etcd http:.*authentication failed, invalid user ID or password/);
      expect(error).toMatchObject({ code: 'unreachable' });
    }
    const everything = inspect([told, errors], { depth: null, showHidden: true });
    expect(everything).toContain('authentication failed');
    expect(everything).not.toContain('wr0ng');
    expect(everything).not.toContain(Buffer.from('wr0ng-secret').toString('base64'));
  });

  it('is not shown to the proxy that the environment names for the web', async () => {
    const asked: string[] = [];
    const proxy: Server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(502).end();
    });
    proxy.on('connect', (request, socket) => {
      asked.push(`${request.method} ${request.url}`);
      socket.end('HTTP/1.1 502 no\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    for (const name of ['http_proxy', 'grpc_proxy', 'https_proxy'])
      vi.stubEnv(name, `http://127.0.0.1:${port}`);
    for (const name of ['no_proxy', 'no_grpc_proxy', 'NO_PROXY']) vi.stubEnv(name, '');
    try {
      await openStore(etcd.endpoint, { auth: AGENT, prefix: PREFIX }).ping();
      expect(asked).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      await new Promise((closed) => proxy.close(closed));
    }
  });
});

describe('an etcd that asks nobody who he is', () => {
  it('is used all the same, from before that until after it asks again', async () => {
    const store = openStore(etcd.endpoint, { auth: AGENT, prefix: PREFIX });
    await store.ping();
    await admin('auth/disable', {});
    token = '';
    await store.ping();
    await openStore(etcd.endpoint, { auth: AGENT, prefix: PREFIX }).ping();
    await admin('auth/enable', {});
    await signIn();
    await store.transaction([], [{ put: keys.networkConfig, value: 'z' }]);
    expect((await store.get(keys.networkConfig))?.value).toBe('z');
  });
});
