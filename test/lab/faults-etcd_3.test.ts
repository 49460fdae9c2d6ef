import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Api, apiAt } from '@causeway/lab/api';
import { differences } from '@causeway/lab/host-state';
import type { Lab } from '@causeway/lab/lab';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { planOf, rulesOf, svcctl } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';

/** An etcd of its own that is killed, several controllers on it, and hosts that come and go. */
const up = useLab({ name: 'away', hosts: 3, etcd: 'external' });
const PATIENT = { timeout: 60_000, interval: 10 };

beforeAll(async () => {
  const to = ['--to', 'web-1:12345', '--to', 'web-2:12345'];
  await svcctl(up.lab, 'expose', '2.2.2.2:88', '--name', 'web', ...to, '--node-port', '30001', '--wait');
});

describe('while etcd is away', () => {
  it('a change is refused in a sentence with exit 5, and drift is repaired', async () => {
    const { lab } = up;
    const peer = await subnetOf(lab, 'web-2');
    await lab.stopEtcd('SIGKILL');
    const { exitCode, stderr } = await lab.svcctl(['expose', '2.2.2.3:88', '--to', 'web-3:12345']);
    expect(exitCode).toBe(5);
    expect(stderr.trim()).toMatch(/^svcctl: .*etcd.*$/);
    await output(lab, 'host-1', 'ip', 'route', 'delete', peer);
    await output(lab, 'host-1', 'nft', 'flush', 'ruleset');
    const route = () => output(lab, 'host-1', 'ip', 'route', 'show', peer);
    await expect.poll(route).toContain('proto 88');
    await expect.poll(() => rulesOf(lab, 'host-1', 'nftables')).toContain('2.2.2.2');
  });

  it('an agent that is started leaves the kernel as it is', async () => {
    const { lab } = up;
    const before = await lab.stateOf('host-2');
    await lab.stopAgent('host-2', 'SIGKILL');
    await lab.startAgent('host-2');
    const log = join(lab.directory, 'hosts/host-2/log/agent.log');
    await expect
      .poll(() => readFileSync(log, 'utf8'), PATIENT)
      .toMatch(/not joined yet.*\n(.*\n)*.*not joined yet/);
    expect(differences(before, await lab.stateOf('host-2'))).toEqual([]);
    expect(await output(lab, 'host-2', 'curl', '-sSm5', 'http://2.2.2.2:88/hello')).toMatch(/^hello/);
  });

  it('all goes on when it is back, and changes reach every host', async () => {
    const { lab } = up;
    await lab.startEtcd();
    await lab.ready();
    await svcctl(lab, 'expose', '2.2.2.3:88', '--name', 'later', '--to', 'web-3:12345', '--wait');
    for (const host of lab.hosts) {
      expect(await output(lab, host, 'curl', '-sSm5', 'http://2.2.2.3:88/hello')).toBe('hello from web-3');
      expect(await planOf(lab, host)).toBe('nothing to do');
    }
  });
});

describe('two controllers on one etcd', () => {
  let apis: readonly Api[];
  beforeAll(async () => {
    const { lab } = up;
    const listen = `${lab.addressOf('host-2')}:7480`;
    const flags = ['--etcd', lab.etcd, '--network', lab.network, '--listen', listen];
    lab.spawn('host-2', ['causeway-controller', ...flags]);
    const socket = join(lab.directory, 'hosts/host-2/run/causeway/controller.sock');
    apis = [lab.api, apiAt(socket)];
    const ready = async () => expect((await apis[1]?.ask('GET', '/readyz'))?.status).toBe(200);
    await vi.waitFor(ready, PATIENT);
  });

  it('give an address to one of two services that want it', async () => {
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(apis.map((api, i) => create(api, `rival-${i}`, '2.2.2.9')));
      expect(answers.toSorted()).toEqual([201, 409]);
      await Promise.all(apis.map((api, i) => api.ask('DELETE', `/v1/services/rival-${i}`)));
    }
  });

  it('change the same services at once, agree, and the kernels hold the last word', async () => {
    const { lab } = up;
    const change = async (api: Api, seed: number) => {
      for (let i = 0; i < 60; i++) {
        const endpoints = ['web-1', 'web-2', 'web-3'].filter((_, k) => (i * seed + k) % 3 !== 0);
        const { status } = await replace(api, `shared-${i % 2}`, `2.2.2.${20 + (i % 2)}`, endpoints);
        expect([200, 201]).toContain(status);
      }
    };
    await Promise.all(apis.flatMap((api, i) => [change(api, 2 * i + 1), change(api, 2 * i + 2)]));
    for (const [i, api] of apis.entries())
      expect((await replace(api, `shared-${i}`, `2.2.2.${20 + i}`, ['web-3'])).status).toBe(200);
    await svcctl(lab, 'expose', '2.2.2.8:88', '--name', 'last', '--to', 'web-1:12345', '--wait');
    for (const host of lab.hosts) {
      expect(await planOf(lab, host)).toBe('nothing to do');
      for (const vip of ['2.2.2.20', '2.2.2.21'])
        expect(await output(lab, host, 'curl', '-sSm5', `http://${vip}:88/hello`)).toBe('hello from web-3');
    }
    const [one, two] = await Promise.all(apis.map((api) => api.list('/v1/services')));
    expect(two).toEqual(one);
  });
});

describe('a host that comes and goes', () => {
  const HOST = 'host-3';
  const files = 'find /run/causeway /var/lib/causeway -mindepth 1 2>/dev/null; true';
  const cleanup = (lab: Lab) => lab.exec(HOST, ['causeway-agent', 'cleanup', '--etcd', lab.etcd]);
  const isBare = async (lab: Lab) => {
    expect(differences(await lab.stateBefore(HOST), await lab.stateOf(HOST))).toEqual([]);
    expect(await output(lab, HOST, 'sh', '-c', files)).toBe('');
  };
  const owners = async (lab: Lab) =>
    (await lab.api.list<{ readonly node?: string }>('/v1/subnets')).map(({ node }) => node).sort();

  it('is not cleaned up while its agent runs', async () => {
    const { exitCode, stderr } = await cleanup(up.lab);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^causeway-agent: an agent is running on this host already \(process \d+\); stop it first\n$/,
    );
    expect(await planOf(up.lab, HOST)).toBe('nothing to do');
  });

  it('is as it was before after a clean-up, also a second one, and gives its subnet back', async () => {
    const { lab } = up;
    await lab.stopAgent(HOST, 'SIGKILL');
    expect(await cleanup(lab)).toMatchObject({ exitCode: 0, stderr: '' });
    await isBare(lab);
    expect(await owners(lab)).toEqual(['host-1', 'host-2']);
    expect(await cleanup(lab)).toEqual({ exitCode: 0, stdout: 'nothing to remove\n', stderr: '' });
  });

  it.each([
    ['it has an id', 'test -e /var/lib/causeway/node-id'],
    ['it has a subnet', 'test -e /var/lib/causeway/subnet.json'],
    ['it has a bridge', 'ip link show cwy0'],
    ['it has rules', 'nft list table ip causeway'],
    ['a container begins', 'test -e /run/netns/cwy-web-3'],
    ['a container runs', 'test -e /run/causeway/runc/web-3/state.json'],
  ])('whose agent is killed as soon as %s is cleaned up whole, and leaks no subnet', async (_, fact) => {
    const { lab } = up;
    await lab.startAgent(HOST);
    await output(lab, HOST, 'sh', '-c', `until ${fact} >/dev/null 2>&1; do :; done`);
    await lab.stopAgent(HOST, 'SIGKILL');
    expect(await cleanup(lab)).toMatchObject({ exitCode: 0, stderr: '' });
    await isBare(lab);
    expect(await owners(lab)).toEqual(['host-1', 'host-2']);
  });

  it('is cleaned up without etcd, keeps its id until etcd knows, and joins again', async () => {
    const { lab } = up;
    await lab.startAgent(HOST);
    await lab.ready();
    await lab.stopEtcd('SIGKILL');
    await lab.stopAgent(HOST);
    const { exitCode, stderr } = await cleanup(lab);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^not given back in etcd, where it runs out by itself: /);
    expect(differences(await lab.stateBefore(HOST), await lab.stateOf(HOST))).toEqual([]);
    await lab.startEtcd();
    await lab.startAgent(HOST);
    await lab.ready();
    expect(await owners(lab)).toEqual(['host-1', 'host-2', HOST]);
    expect(await planOf(lab, HOST)).toBe('nothing to do');
    expect(await output(lab, HOST, 'curl', '-sSm5', 'http://2.2.2.3:88/hello')).toBe('hello from web-3');
  });
});

/** The subnet of a container's host. */
async function subnetOf(lab: Lab, name: string): Promise<string> {
  const found = (await lab.containers()).find((each) => each.name === name);
  return found?.address.replace(/\d+$/, '0/24') ?? '';
}

async function create(api: Api, name: string, vip: string): Promise<number> {
  const ports = [{ port: 88, targetPort: 12345 }];
  return (await api.ask('POST', '/v1/services', { name, vip, ports, endpoints: [] })).status;
}

function replace(api: Api, name: string, vip: string, containers: readonly string[]) {
  const ports = [{ port: 88, targetPort: 12345 }];
  const endpoints = containers.map((each) => `${each}:12345`);
  return api.ask('PUT', `/v1/services/${name}`, { name, vip, ports, endpoints });
}
