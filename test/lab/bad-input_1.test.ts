import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keys } from '@causeway/shared/store/keys';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { put, read, remove } from '../support/etcd-keys.ts';
import { output, useLab } from '../support/lab.ts';
import { AGENT_CASES, APPLY_CASES, CONTROLLER_CASES, REST_CASES, SVCCTL_CASES } from './bad-input-cases.ts';
import { BAD_CONTAINERS, BAD_KEYS, FOUNDATIONS } from './bad-input-keys.ts';
import {
  CONTROLS,
  changesNothing,
  expectSentence,
  HOSTILE_NAMES,
  inGroups,
  kernel,
  quiet,
  reported,
  rest,
  served,
} from './bad-input-world.ts';

/** Three subnets, so that a few leases fill the network. */
const own = useLab({ name: 'bad-input', hosts: 1, network: '10.10.0.0/26' });

beforeAll(async () => {
  const base = ['expose', '2.2.2.2:88', '--name', 'base', '--to', 'web-1:12345', '--node-port', '30001'];
  expect(await own.lab.svcctl([...base, '--wait'])).toMatchObject({ exitCode: 0 });
  // Reports of the start are written by now, so that what is written later is an answer to something.
  await reported(own.lab, []);
  await quiet(own.lab);
});

describe('svcctl', () => {
  it('answers every bad argument with one sentence and an exit code, and nothing changes', async () => {
    await changesNothing(own.lab, async () => {
      await inGroups(SVCCTL_CASES, async ([args, exit, says]) => {
        const { exitCode, stdout, stderr } = await own.lab.svcctl(args);
        expect([args, exitCode, stdout]).toEqual([args, exit, '']);
        expectSentence(stderr, says);
      });
    });
  });

  it('answers every bad file with one sentence that names it, and applies none of it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'causeway-bad-'));
    try {
      await changesNothing(own.lab, async () => {
        await inGroups(APPLY_CASES, async ([name, text, says]) => {
          const file = join(folder, name);
          writeFileSync(file, text);
          const { exitCode, stdout, stderr } = await own.lab.svcctl(['apply', '-f', file]);
          expect([name, exitCode, stdout]).toEqual([name, 2, '']);
          expectSentence(stderr, says);
          expect(stderr).toContain(`/${name}"`);
        });
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the REST API', () => {
  it('answers every bad request with one problem that names it, and nothing changes', async () => {
    await changesNothing(own.lab, async () => {
      for (const [method, path, body, status, says] of REST_CASES) {
        const reply = await rest(own.lab, method, path, body);
        expect([path, reply.status, reply.headers['content-type']]).toEqual([
          ...[path, status, 'application/problem+json'],
        ]);
        const problem = JSON.parse(reply.text);
        expect(problem).toMatchObject({ status, detail: expect.stringContaining(says) });
        expect(problem.detail.length).toBeLessThan(400);
      }
    });
  });

  it('takes no name that is none, wherever names are taken', async () => {
    await changesNothing(own.lab, async () => {
      for (const name of HOSTILE_NAMES) {
        const good = { name: 'good', host: 'host-1', command: ['sh'] };
        const bad: readonly (readonly [path: string, body: object, field: string])[] = [
          ['/v1/services', { name, ports: [{ port: 1 }] }, 'name'],
          ['/v1/services', { vip: name, ports: [{ port: 1 }] }, 'vip'],
          ['/v1/services', { ports: [{ port: 1, name }] }, 'ports[0].name'],
          ['/v1/services', { ports: [{ port: 1, protocol: name }] }, 'ports[0].protocol'],
          ['/v1/services', { ports: [{ port: 1 }], endpoints: [name] }, 'endpoints[0]'],
          ['/v1/services/base/endpoints', { to: `web-1:${name}` }, 'to'],
          ['/v1/containers', { ...good, name }, 'name'],
          ['/v1/containers', { ...good, host: name }, 'host'],
          ['/v1/containers', { ...good, files: { [name]: '' } }, 'files'],
        ];
        for (const [path, body, field] of bad) {
          const { status, text } = await rest(own.lab, 'POST', path, JSON.stringify(body));
          const { detail, field: named } = JSON.parse(text);
          expect([name, path, status, named]).toEqual([name, path, 422, field]);
          expect(detail).not.toMatch(CONTROLS);
        }
      }
    });
  });

  it('takes JSON only, and labels its metrics with nothing that a caller wrote', async () => {
    const body = '{"ports":[{"port":1}]}';
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/yaml']) {
      const reply = await rest(own.lab, 'POST', '/v1/services', body, { 'content-type': type });
      expect(reply.status).toBe(415);
      expect(reply.text).toContain(`Content-Type \\"${type}\\" is not \\"application/json\\"`);
    }
    await rest(own.lab, 'GET', '/v1/"x%0ay');
    const { text } = await rest(own.lab, 'GET', '/metrics');
    for (const [, route] of text.matchAll(/route="([^"]*)"/g)) expect(route).toMatch(/^(?:none|\/[\w/:.]+)$/);
  });
});

describe('an agent', () => {
  const run = (member: string, ...flags: string[]) =>
    own.lab.exec(member, ['causeway-agent', 'run', '--etcd', own.lab.etcd, '--log-level', 'warn', ...flags]);

  it.each(AGENT_CASES)('refuses a bad flag: %s', async (says, flags) => {
    await changesNothing(own.lab, async () => {
      const { exitCode, stdout, stderr } = await run('client', ...flags);
      expect([exitCode, stdout]).toEqual([2, '']);
      expectSentence(stderr, says, 'causeway-agent');
    });
  });

  it('does not join under the name of a host that runs, and leaves that one alone', async () => {
    await changesNothing(own.lab, async () => {
      const { exitCode, stderr } = await run('client', '--name', 'host-1');
      expect(exitCode).toBe(1);
      expectSentence(
        stderr,
        'joining as host "host-1": another host (192.168.122.11, fd00:122::11, id ',
        'causeway-agent',
      );
      expect(await output(own.lab, 'client', 'ip', '-o', 'link')).not.toContain('cwy0');
    });
    expect(await served(own.lab)).toBe('hello from web-1');
  });

  it('waits in a network whose subnets are all leased, says so, and leaves nothing when it is cleaned up', async () => {
    const { lab } = own;
    const { text } = await rest(lab, 'GET', '/v1/subnets');
    const free = ['10.10.0.16/28', '10.10.0.32/28', '10.10.0.48/28'].filter((one) => !text.includes(one));
    for (const [index, subnet] of free.entries()) {
      const foreign = { PublicIP: `192.168.122.7${index}`, BackendType: 'host-gw' };
      await put(lab, keys.subnet({ ipv4: subnet }), JSON.stringify(foreign));
    }
    const etcd = ['--etcd', lab.etcd, '--name', 'host-9'];
    const agent = lab.spawn('client', ['causeway-agent', 'run', '--log-level', 'silent', ...etcd]);
    const says = 'network 10.10.0.0/26 is too small: all 3 subnets of /28';
    await reported(lab, [says], 'host-9');
    const { exitCode, stderr } = await lab.svcctl(['status']);
    expect([exitCode, stderr]).toEqual([7, expect.stringContaining(says)]);
    const ended = new Promise((resolve) => agent.once('close', resolve));
    agent.kill();
    await ended;
    for (const subnet of free) await remove(lab, keys.subnet({ ipv4: subnet }));
    // Its wrapper has ended; the agent itself may take a moment longer, and refuses until then.
    await vi.waitFor(() => output(lab, 'client', 'causeway-agent', 'cleanup', ...etcd), { timeout: 10_000 });
    await reported(lab, []);
  });
});

it.each(CONTROLLER_CASES)('a controller refuses a bad flag: %s', async (says, flags) => {
  const argv = ['env', '-u', 'CAUSEWAY_ETCD_URLS', 'causeway-controller', '--log-level', 'silent', ...flags];
  const { exitCode, stdout, stderr } = await own.lab.exec('internet', argv);
  expect([exitCode, stdout]).toEqual([2, '']);
  expectSentence(stderr, says, 'causeway-controller');
});

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
    await vi.waitFor(async () => expect(await read(own.lab, keys.subnet({ ipv4: subnet }))).toBe(good));
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
      await vi.waitFor(async () => expect(await read(own.lab, key)).toBe(good), { timeout: 5_000 });
    }
    await reported(own.lab, []);
    await vi.waitFor(async () => expect(await served(own.lab)).toBe('hello from web-1'), { timeout: 5_000 });
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
    await vi.waitFor(async () =>
      expect((await rest(own.lab, 'GET', '/v1/services/texts')).text).toContain('is not an endpoint'),
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
        { timeout: 10_000, interval: 50 },
      );
    }
    expect(await output(own.lab, 'host-1', 'sh', '-c', 'ls /tmp')).not.toContain('causeway-climber');
    expect(await output(own.lab, 'host-1', 'ls', '/var/lib/causeway/rootfs')).toBe('web-1\nweb-1b');
    for (const [name] of BAD_CONTAINERS)
      expect((await own.lab.svcctl(['delete', 'container', name])).exitCode).toBe(0);
  });
});
