import type { LabContainer } from '@causeway/lab/lab';
import { beforeAll, describe, expect, it } from 'vitest';
import { planOf, svcctl } from '../support/faults.ts';
import { ringOf, startFlows } from '../support/flows.ts';
import { output, useLab } from '../support/lab.ts';
import { fetches, viewOf } from '../support/seeds.ts';

/** What one host's containers hang on is exchanged under them: the bridge's name, and the subnet. */
const up = useLab({ name: 'exchange', hosts: 2 });
const HOST = 'host-1';
const PATIENT = { timeout: 120_000, interval: 100 };

const again = async (env: Readonly<Record<string, string>> = {}) => {
  await up.lab.stopAgent(HOST);
  await up.lab.startAgent(HOST, { env });
};
const ofHost = (all: readonly LabContainer[], host: string) => {
  const found = all.find((each) => each.host === host);
  if (found === undefined) throw new Error(`no container runs on ${host}`);
  return found;
};
const bridges = async () =>
  (await output(up.lab, HOST, 'ip', '-br', 'link', 'show', 'type', 'bridge')).split('\n').map(firstWord);
const ports = async (bridge: string) =>
  (await output(up.lab, HOST, 'ip', '-br', 'link', 'show', 'master', bridge)).split('\n').length;
const firstWord = (line: string) => line.split(' ')[0];
const statusOf = (name: string) => viewOf(up.lab, name).then(({ status }) => status);

describe('the bridge', () => {
  let web: readonly LabContainer[];
  beforeAll(async () => {
    web = await up.lab.containers();
  });

  it.each([
    ['another name', 'br-web', 'cwy0', { CAUSEWAY_BRIDGE: 'br-web' }],
    ['its old one again', 'cwy0', 'br-web', {}],
  ])(
    'gets %s where it stands: containers keep their addresses, connections go on',
    async (_, to, from, env) => {
      const { lab } = up;
      const before = [await statusOf(ofHost(web, HOST).name), await ports(from)];
      const flows = startFlows(lab, ringOf(web));
      await flows.more(5);
      await again(env);
      await expect.poll(bridges, PATIENT).toEqual([to]);
      await flows.more(25);
      flows.stop();
      // An echo request may be lost where the kernel renames only what is down; a connection outlasts that.
      expect(flows.lost().filter((what) => !what.includes(': ping '))).toEqual([]);
      await lab.ready();
      expect([await statusOf(ofHost(web, HOST).name), await ports(to)]).toEqual(before);
      expect(await output(lab, HOST, 'ip', '-o', '-d', 'link', 'show', to)).toContain('alias causeway');
    },
  );

  it('gets no name that a link of somebody else has: nothing is changed, and the agent says why', async () => {
    const { lab } = up;
    await output(lab, HOST, 'ip', 'link', 'add', 'theirs', 'type', 'veth', 'peer', 'name', 'theirs-2');
    const argv = ['causeway-agent', 'plan', '--etcd', lab.etcd, '--dataplane', lab.dataplane];
    const { exitCode, stdout, stderr } = await lab.exec(HOST, [...argv, '--bridge', 'theirs'], {
      timeoutMs: 100_000,
    });
    const why = '--bridge "theirs" is a link of this host that Causeway did not make: choose another name';
    expect([exitCode, stdout, stderr]).toEqual([1, '', `causeway-agent: ${why}\n`]);
    expect(await bridges()).toEqual(['cwy0']);
    await output(lab, HOST, 'ip', 'link', 'delete', 'theirs');
  });
});

describe('one host’s subnet', () => {
  it('is exchanged in two steps, the first of which says what it means: containers get other addresses and go on', async () => {
    const { lab } = up;
    const web = await lab.containers();
    const [moving, far] = [ofHost(web, HOST), ofHost(web, 'host-2')];
    await svcctl(lab, 'expose', '10.96.0.77:80', '--name', 'hello', '--to', `${moving.name}:12345`, '--wait');
    const url = 'http://10.96.0.77/hello';
    const reserve = ['node', 'reserve', HOST, '--subnet', '10.10.77.0/24'];

    const refused = await lab.svcctl(reserve);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toMatch(/other addresses|renumber/);
    await svcctl(lab, ...reserve, '--renumber');
    expect(await statusOf(moving.name)).toMatchObject({ address: moving.address, pid: moving.pid });
    expect(await fetches(lab, far.name, url)).toContain(moving.name);

    await again();
    const address = async () => (await statusOf(moving.name))?.address;
    await expect.poll(address, PATIENT).toMatch(/^10\.10\.77\./);
    const reached = async () => [
      await fetches(lab, far.name, `http://${await address()}:12345/hello`),
      await fetches(lab, far.name, url),
    ];
    await expect.poll(reached, PATIENT).toEqual([`hello from ${moving.name}`, `hello from ${moving.name}`]);
    expect(await statusOf(moving.name)).toMatchObject({ state: 'running', pid: moving.pid });
    expect(await svcctl(lab, 'events', '--host', HOST)).toMatch(
      new RegExp(`container ${moving.name} moved from ${moving.address} to 10\\.10\\.77\\.`),
    );
    expect(await output(lab, HOST, 'ip', '-o', '-4', 'address', 'show', 'dev', 'cwy0')).toMatch(
      /inet 10\.10\.77\.1\/24/,
    );
    await expect.poll(() => planOf(lab, HOST), PATIENT).toBe('nothing to do');
    expect(await lab.svcctl(['ipam', 'check'])).toMatchObject({ exitCode: 0 });
  });
});
