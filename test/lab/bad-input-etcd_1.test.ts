import { join } from 'node:path';
import { keys } from '@causeway/shared/store/keys';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { put, read, remove } from '../support/etcd-keys.ts';
import { output, useLab } from '../support/lab.ts';
import { BAD_CONTAINERS, BAD_KEYS, FOUNDATIONS } from './bad-input-keys.ts';
import { CONTROLS, expectSentence, exposeBase, kernel, reported, rest, served } from './bad-input-world.ts';

/** What others write to etcd, where no program of ours could refuse it. */
const own = useLab({ name: 'bad-keys', hosts: 1, network: '10.10.0.0/26' });

beforeAll(() => exposeBase(own.lab));

describe.each(['nftables', 'iptables'] as const)('what others write to etcd, with %s', (dataplane) => {
  beforeAll(async () => {
    if (own.lab.dataplane !== dataplane) await own.lab.useDataplane(dataplane);
    await reported(own.lab, []);
  });
  afterAll(() => reported(own.lab, []));

  it('is reported and skipped where it makes no sense, and is taken away by svcctl', async () => {
    const before = await kernel(own.lab);
    await Promise.all(BAD_KEYS.map(({ key, value }) => put(own.lab, key, value)));
    const problems = await reported(
      own.lab,
      BAD_KEYS.map(({ says }) => says),
    );
    expect(problems.join('')).not.toMatch(CONTROLS);
    expect(await kernel(own.lab)).toBe(before);
    expect(await served(own.lab)).toBe('hello from web-1');
    const status = await own.lab.svcctl(['status']);
    expect(status.exitCode).toBe(7);
    for (const { says } of BAD_KEYS) expectSentence(status.stderr, says);
    expect(status.stdout).toMatch(/^controller .*, ready\netcd +ok\n/);
    for (const { key, repair } of BAD_KEYS) {
      if (repair === undefined) await remove(own.lab, key);
      else expect((await own.lab.svcctl(repair)).exitCode).toBe(0);
    }
    await reported(own.lab, []);
    expect(await own.lab.svcctl(['status'])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await kernel(own.lab)).toBe(before);
  });

  it.each(FOUNDATIONS)('changes nothing that was there: %s = %s', async (key, value, says) => {
    const [before, good] = [await kernel(own.lab), await read(own.lab, key)];
    await put(own.lab, key, value);
    try {
      await reported(own.lab, [says]);
      expect(await kernel(own.lab)).toBe(before);
      expect(await served(own.lab)).toBe('hello from web-1');
      const { exitCode, stderr } = await own.lab.svcctl(['status']);
      expect(exitCode).toBe(7);
      expectSentence(stderr, says);
    } finally {
      await put(own.lab, key, good);
    }
    await reported(own.lab, []);
  });

  it('moves no host: its lease is written again', async () => {
    const before = await kernel(own.lab);
    const { subnet } = JSON.parse((await rest(own.lab, 'GET', '/v1/nodes/host-1')).text);
    const good = await read(own.lab, keys.subnet({ ipv4: subnet }));
    await put(own.lab, keys.subnet({ ipv4: subnet }), 'x');
    await vi.waitFor(async () => expect(await read(own.lab, keys.subnet({ ipv4: subnet }))).toBe(good), {
      timeout: 60_000,
    });
    await reported(own.lab, []);
    expect(await kernel(own.lab)).toBe(before);
    expect(await served(own.lab)).toBe('hello from web-1');
  });

  it('cuts no host off from its neighbours, whatever the service range takes', async () => {
    const good = await read(own.lab, keys.settings);
    await put(own.lab, keys.settings, good.replace('10.96.0.0/16', '192.168.0.0/16'));
    try {
      await reported(own.lab, ['unused addresses of the service range 192.168.0.0/16 are not dropped']);
      expect(await kernel(own.lab)).not.toContain('192.168.0.0/16');
      expect(await served(own.lab)).toBe('hello from web-1');
    } finally {
      await put(own.lab, keys.settings, good);
    }
    await reported(own.lab, []);
  });

  it('is written over where the controller knows better', async () => {
    const key = keys.serviceEndpoints('base');
    const good = await read(own.lab, key);
    for (const bad of ['not json', good.replace('10.10.', '127.10.'), '{"service":"base"}']) {
      await put(own.lab, key, bad);
      await vi.waitFor(async () => expect(await read(own.lab, key)).toBe(good), { timeout: 60_000 });
    }
    await reported(own.lab, []);
    await vi.waitFor(async () => expect(await served(own.lab)).toBe('hello from web-1'), {
      timeout: 60_000,
    });
  });
});

describe('text that others wrote to etcd', () => {
  const hostile = '\u001b[31m\n\nevent: deleted\ndata: {}\n\n';
  const spec = {
    ...{ name: 'texts', vip: '2.2.2.7', endpoints: [hostile, '$(id)'], createdAt: hostile },
    ports: [{ name: '', protocol: 'tcp', port: 88, targetPort: 88 }],
  };

  it('is shown and not obeyed, in every format and in the stream of changes', async () => {
    await put(own.lab, keys.serviceSpec('texts'), JSON.stringify(spec));
    await vi.waitFor(
      async () =>
        expect((await rest(own.lab, 'GET', '/v1/services/texts')).text).toContain('is not an endpoint'),
      { timeout: 60_000 },
    );
    for (const args of [
      ['get', 'services', '-o', 'wide'],
      ['get', 'services', '-o', 'yaml'],
      ['get', 'services', '-o', 'json'],
      ['describe', 'service', 'texts'],
      ['status'],
    ]) {
      const { stdout, stderr } = await own.lab.svcctl(args);
      expect(`${stdout}${stderr}`.replaceAll('\n', '')).not.toMatch(CONTROLS);
      expect(stdout).not.toMatch(/^event: deleted$/m);
    }
    const socket = join(own.lab.directory, 'hosts/host-1/run/causeway/controller.sock');
    const stream = ['curl', '-sN', '-m1', '--unix-socket', socket, 'http://x/v1/services?watch=true'];
    const { stdout } = await own.lab.exec('host-1', stream);
    expect(stdout).toContain('event: added\ndata: {"name":"texts"');
    expect(stdout).not.toMatch(/^event: deleted$/m);
    expect((await own.lab.svcctl(['delete', 'service', 'texts'])).exitCode).toBe(0);
  });

  it('becomes no container that reaches out of its root', async () => {
    for (const [name, more] of BAD_CONTAINERS) {
      const whole = { name, host: 'host-1', command: ['sh'], files: {}, ...more };
      await put(own.lab, keys.container(name), JSON.stringify(whole));
    }
    for (const [name, , reason] of BAD_CONTAINERS) {
      await vi.waitFor(
        async () => {
          const { status } = JSON.parse((await rest(own.lab, 'GET', `/v1/containers/${name}`)).text);
          expect(status).toMatchObject({ state: 'failed', reason: expect.stringContaining(reason) });
        },
        { timeout: 120_000, interval: 50 },
      );
    }
    expect(await output(own.lab, 'host-1', 'sh', '-c', 'ls /tmp')).not.toContain('causeway-climber');
    expect(await output(own.lab, 'host-1', 'ls', '/var/lib/causeway/roots')).toBe('web-1\nweb-1b');
    for (const [name] of BAD_CONTAINERS)
      expect((await own.lab.svcctl(['delete', 'container', name])).exitCode).toBe(0);
  });
});
