import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, LabContainer } from '@causeway/lab/lab';
import { keys } from '@causeway/shared/store/keys';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { list, putAll, read, remove, revoke } from '../support/etcd-keys.ts';
import { eventsOf, leaseFaults, planOf, readyz, subnetsOf, svcctl, told } from '../support/faults.ts';
import { type Flows, type Pair, startFlows } from '../support/flows.ts';
import { output, useLab } from '../support/lab.ts';

/** What happens to the lease of host-3, and to its agent, while the others talk to each other and to it. */
const up = useLab({
  ...{ name: 'net-lease', hosts: 3, etcd: 'external' },
  // Who joins with the id of another waits until that could be known to be gone.
  agentFlags: { all: ['--alive-seconds', '5'] },
});
const HOST = 'host-3';
const PATIENT = { timeout: 60_000, interval: 50 };
const WELL = { code: 200, exitCode: 0, stderr: '' };

/** Between host-1 and host-2 all the time. */
let flows: Flows;

beforeAll(async () => {
  flows = startFlows(up.lab, await pairs(up.lab, ['web-1', 'web-2'], ['web-2', 'web-1']));
  await flows.goOn();
});
afterAll(() => flows.stop());
afterEach(async () => {
  await flows.goOn();
  expect(await leaseFaults(up.lab)).toEqual([]);
  for (const host of up.lab.hosts) {
    await expect.poll(() => told(up.lab, host), PATIENT).toMatchObject(WELL);
    await expect.poll(() => planOf(up.lab, host), PATIENT).toBe('nothing to do');
  }
});

describe('the own lease', () => {
  let own: Flows;
  let subnets: string;

  beforeAll(async () => {
    subnets = await subnetsOf(up.lab);
    own = startFlows(up.lab, await pairs(up.lab, ['web-1', 'web-3'], ['web-3', 'web-2']));
    await own.goOn();
  });
  afterAll(() => own.stop());
  // Its peers take the route away with the key, so a packet may be lost until it is there again; no connection is.
  afterEach(async () => {
    await own.more(25);
    expect(own.lost().filter((what) => !what.includes(': ping '))).toEqual([]);
    expect(await subnetsOf(up.lab)).toBe(subnets);
  });

  it('is deleted: it is written again, nothing moves, and it is told', async () => {
    const { lab } = up;
    const key = await leaseKey(lab);
    const value = await read(lab, key);
    await remove(lab, key);
    await expect.poll(() => read(lab, key), PATIENT).toBe(value);
    await expect.poll(() => kinds(lab), PATIENT).toContain('restored');
  });

  it('has run out: everything on it is written again, nothing moves, and it is told', async () => {
    const { lab } = up;
    const key = await leaseKey(lab);
    const before = await timesRestored(lab);
    const found = (await list(lab, keys.subnetPrefix)).find((each) => each.key === key);
    await revoke(lab, found?.lease ?? '');
    await expect.poll(() => read(lab, key), PATIENT).toBe(found?.value);
    await expect.poll(() => read(lab, keys.node(HOST)), PATIENT).not.toBe('');
    await expect.poll(() => timesRestored(lab), PATIENT).toBeGreaterThan(before);
  });

  it('of its sign of life has run out: it is alive again at once', async () => {
    const { lab } = up;
    const [alive] = await list(lab, keys.alive(HOST));
    await revoke(lab, alive?.lease ?? '');
    await expect.poll(() => read(lab, keys.alive(HOST)), PATIENT).not.toBe('');
  });
});

describe("a lease that has become another's", () => {
  it('is not used any more: the host takes another subnet, its containers move, and it is told', async () => {
    const { lab } = up;
    const before = await containerOn(lab, HOST);
    const key = await leaseKey(lab);
    const subnet = key.slice(keys.subnetPrefix.length).replace('-', '/');
    const thief = {
      PublicIP: lab.addressOf('client'),
      BackendType: 'host-gw',
      CausewayNode: { id: 'thief', name: 'thief' },
    };
    await putAll(lab, { [key]: JSON.stringify(thief), [keys.claim(subnet)]: 'thief' });
    await expect.poll(async () => (await containerOn(lab, HOST)).address, PATIENT).not.toBe(before.address);
    await expect
      .poll(() => kinds(lab), PATIENT)
      .toEqual(expect.arrayContaining(['fenced', 'moved', 'container-moved']));
    const told = await svcctl(lab, 'events');
    expect(told).toContain(subnet);
    expect(told).toMatch(/host-3 .*fenced/);
    // Everybody leads to the new owner, also the former one, which has nothing of it left.
    for (const host of lab.hosts)
      await expect
        .poll(() => output(lab, host, 'ip', 'route', 'show', subnet), PATIENT)
        .toContain(`via ${lab.addressOf('client')}`);
    expect(await output(lab, HOST, 'ip', '-4', 'address', 'show', 'dev', 'cwy0')).not.toContain(
      subnet.replace(/0\/.*/, ''),
    );
    const own = startFlows(lab, await pairs(lab, ['web-1', 'web-3'], ['web-3', 'web-2']));
    await own.goOn();
    own.stop();
    for (const gone of [key, keys.claim(subnet)]) await remove(lab, gone);
  });
});

describe('a peer', () => {
  it('is removed while an agent is down: its route is gone when that agent is back, and comes back with it', async () => {
    const { lab } = up;
    const subnet = (await leaseKey(lab)).slice(keys.subnetPrefix.length).replace('-', '/');
    const route = () => output(lab, 'host-1', 'ip', 'route', 'show', subnet);
    await lab.stopAgent('host-1', 'SIGKILL');
    await lab.stopAgent(HOST);
    await output(lab, HOST, 'causeway-agent', 'cleanup', '--etcd', lab.etcd);
    expect(await route()).toContain('proto 88');
    await lab.startAgent('host-1');
    await expect.poll(route, PATIENT).toBe('');
    expect((await readyz(lab, 'host-1')).text).not.toContain(subnet);
    await flows.goOn();
    await lab.startAgent(HOST);
    await lab.ready();
    const own = startFlows(lab, await pairs(lab, ['web-1', 'web-3'], ['web-3', 'web-1']));
    await own.goOn();
    own.stop();
  });
});

describe('two agents with one id', () => {
  it('do not share a subnet: the one that was there stays, the copy says what is wrong and does not join', async () => {
    const { lab } = up;
    const file = (host: string, path: string) => join(lab.directory, 'hosts', host, path);
    await lab.stopAgent(HOST);
    await output(lab, HOST, 'causeway-agent', 'cleanup', '--etcd', lab.etcd);
    const before = await subnetsOf(lab);
    copyFileSync(file('host-2', 'lib/node-id'), file(HOST, 'lib/node-id'));
    const said = () => readFileSync(file(HOST, 'log/agent.log'), 'utf8').trimEnd().split('\n').at(-1);
    await lab.startAgent(HOST);
    const running =
      /^causeway-agent: joining as host "host-3": its id \S+ is not its own: .*192\.168\.122\.12.*"host-2"/;
    await expect.poll(said, PATIENT).toMatch(running);
    await flows.goOn();
    expect(await told(lab, 'host-2')).toMatchObject(WELL);
    // Neither is a host robbed that is not there at the moment.
    await lab.stopAgent('host-2', 'SIGKILL');
    await lab.stopAgent(HOST);
    await expect.poll(() => read(lab, keys.alive('host-2')), PATIENT).toBe('');
    await lab.startAgent(HOST);
    await expect
      .poll(said, PATIENT)
      .toMatch(/another machine \(.*192\.168\.122\.12.*\) holds a lease with it as host "host-2"/);
    await lab.startAgent('host-2');
    await expect.poll(() => subnetsOf(lab), PATIENT).toBe(before);
    await lab.stopAgent(HOST);
    await output(lab, HOST, 'rm', '/var/lib/causeway/node-id');
    await lab.startAgent(HOST);
    await lab.ready();
  });
});

describe("a host's address", () => {
  it('changes while its agent runs: the others follow without a restart, and it is told', async () => {
    const { lab } = up;
    const subnet = (await leaseKey(lab)).slice(keys.subnetPrefix.length).replace('-', '/');
    const move = (from: string, to: string) =>
      `ip address delete ${from}/24 dev eth0; ip address add ${to}/24 dev eth0; ip route add default via 192.168.122.1`;
    await output(lab, HOST, 'sh', '-c', move('192.168.122.13', '192.168.122.113'));
    const route = () => output(lab, 'host-1', 'ip', 'route', 'show', subnet);
    await expect.poll(route, PATIENT).toContain('via 192.168.122.113');
    await expect.poll(() => kinds(lab), PATIENT).toContain('address-changed');
    const own = startFlows(lab, await pairs(lab, ['web-1', 'web-3'], ['web-3', 'web-2']));
    await own.goOn();
    own.stop();
    await output(lab, HOST, 'sh', '-c', move('192.168.122.113', '192.168.122.13'));
    await expect.poll(route, PATIENT).toContain('via 192.168.122.13 ');
  });
});

async function kinds(lab: Lab): Promise<string[]> {
  return (await eventsOf(lab, HOST)).map(({ kind }) => kind);
}

async function timesRestored(lab: Lab): Promise<number> {
  return (await kinds(lab)).filter((kind) => kind === 'restored').length;
}

/** The key of the lease that the host has at this moment. */
async function leaseKey(lab: Lab): Promise<string> {
  const id = await output(lab, HOST, 'cat', '/var/lib/causeway/node-id');
  const found = (await list(lab, keys.subnetPrefix)).find(({ value }) => value.includes(id));
  expect(found).toBeDefined();
  return found?.key ?? '';
}

async function containerOn(lab: Lab, host: string): Promise<LabContainer> {
  const found = (await lab.containers()).find((each) => each.host === host);
  return found ?? { name: '', host, address: '', pid: 0 };
}

/** From the first to the second of each pair of names. */
async function pairs(lab: Lab, ...names: readonly (readonly [string, string])[]): Promise<Pair[]> {
  const all = await lab.containers();
  return names.flatMap(([a, b]) => {
    const from = all.find(({ name }) => name === a);
    const to = all.find(({ name }) => name === b)?.address;
    return from === undefined || to === undefined ? [] : [{ from, to }];
  });
}
