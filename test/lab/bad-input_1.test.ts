import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keys } from '@causeway/shared/store/keys';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { put, remove } from '../support/etcd-keys.ts';
import { output, useLab } from '../support/lab.ts';
import { AGENT_CASES, APPLY_CASES, CONTROLLER_CASES, REST_CASES, SVCCTL_CASES } from './bad-input-cases.ts';
import {
  CONTROLS,
  changesNothing,
  expectSentence,
  exposeBase,
  HOSTILE_NAMES,
  inGroups,
  quiet,
  reported,
  rest,
  served,
} from './bad-input-world.ts';

/** Three subnets, so that a few leases fill the network. */
const own = useLab({ name: 'bad-input', hosts: 1, network: '10.10.0.0/26' });

/** Four programs that start at once, on a machine that has other work. */
const SLOW_START_MS = 5_000;

beforeAll(async () => {
  await exposeBase(own.lab);
  // Reports of the start are written by now, so that what is written later is an answer to something.
  await reported(own.lab, []);
  await quiet(own.lab);
});

describe('svcctl', () => {
  it('answers every bad argument with one sentence and an exit code, and nothing changes', {
    timeout: SVCCTL_CASES.length * SLOW_START_MS,
  }, async () => {
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
    await vi.waitFor(() => output(lab, 'client', 'causeway-agent', 'cleanup', ...etcd), {
      timeout: 120_000,
    });
    await reported(lab, []);
  });
});

it.each(CONTROLLER_CASES)('a controller refuses a bad flag: %s', async (says, flags) => {
  const argv = ['env', '-u', 'CAUSEWAY_ETCD_URLS', 'causeway-controller', '--log-level', 'silent', ...flags];
  const { exitCode, stdout, stderr } = await own.lab.exec('internet', argv);
  expect([exitCode, stdout]).toEqual([2, '']);
  expectSentence(stderr, says, 'causeway-controller');
});
