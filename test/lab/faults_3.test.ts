import type { Lab, LabContainer } from '@causeway/lab/lab';
import { type Conversation, converse } from '@causeway/lab/story/conversation';
import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planOf, rulesOf, svcctl } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';
import { startTraffic, type Traffic } from '../support/traffic.ts';

/** What is killed, stopped and changed while connections are made all the time. */
const up = useLab({ name: 'faults', hosts: 3 });
const ECHO = ['--to', 'web-2:7777', '--to', 'web-3:7777'];

describe.each(DATAPLANES)('under traffic, with %s', (dataplane) => {
  const other = DATAPLANES.find((each) => each !== dataplane) ?? dataplane;
  let containers: readonly LabContainer[];
  let traffic: Traffic[] = [];

  beforeAll(async () => {
    const { lab } = up;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
    const to = ['web-1', 'web-2', 'web-3'].flatMap((name) => ['--to', `${name}:12345`]);
    await svcctl(lab, 'expose', '2.2.2.2:88', '--name', 'web', ...to, '--node-port', '30001', '--wait');
    containers = await lab.containers();
    traffic = startAll(lab, containers.find(({ name }) => name === 'web-2')?.address ?? '');
  });
  afterAll(async () => {
    for (const each of traffic) each.stop();
    await svcctl(up.lab, 'unexpose', 'web', '--wait');
  });
  const goesOn = async () => {
    await Promise.all(traffic.map((each) => each.more(20)));
    expect(traffic.flatMap((each) => each.failed())).toEqual([]);
  };
  const isWhole = async () => {
    await goesOn();
    for (const host of up.lab.hosts) expect(await planOf(up.lab, host)).toBe('nothing to do');
    expect(await up.lab.containers()).toEqual(containers);
  };

  it('agents are killed and started again: no connection fails, and all is as it was', async () => {
    const { lab } = up;
    await goesOn();
    const subnets = await svcctl(lab, 'get', 'subnets');
    for (const host of lab.hosts) await lab.stopAgent(host, 'SIGKILL');
    await goesOn();
    for (const host of lab.hosts) await lab.startAgent(host);
    await lab.ready();
    await isWhole();
    expect(await svcctl(lab, 'get', 'subnets')).toBe(subnets);
  });

  it('the controller and its etcd are killed: the data come back, and changes reach every host', async () => {
    const { lab } = up;
    const services = await svcctl(lab, 'get', 'services', '-o', 'wide');
    await lab.stopController('SIGKILL');
    expect((await lab.svcctl(['get', 'services'])).exitCode).toBe(5);
    await goesOn();
    await lab.startController();
    await lab.ready();
    expect(await svcctl(lab, 'get', 'services', '-o', 'wide')).toBe(services);
    await svcctl(lab, 'expose', '2.2.2.3:88', '--name', 'later', '--to', 'web-3:12345', '--wait');
    for (const member of [...lab.hosts, 'client'])
      expect(await output(lab, member, 'curl', '-sSm5', 'http://2.2.2.3:88/hello')).toBe('hello from web-3');
    await svcctl(lab, 'unexpose', 'later', '--wait');
    await isWhole();
  });

  it(`${other} takes over and gives back: no connection fails, and nothing of it is left`, async () => {
    const { lab } = up;
    for (const [next, former] of [
      [other, dataplane],
      [dataplane, other],
    ] as const) {
      await lab.useDataplane(next);
      await isWhole();
      for (const host of lab.hosts) {
        expect(await rulesOf(lab, host, next)).not.toBe('');
        expect(await rulesOf(lab, host, former)).toBe('');
      }
    }
  });

  it('open connections outlive their endpoint, other services and their own service', async () => {
    const { lab } = up;
    await svcctl(lab, 'expose', '2.2.2.5:7777', '--name', 'echo', ...ECHO, '--wait');
    const open = await openMany(lab, '2.2.2.5', 7777);
    try {
      await answerAll(open, 'both endpoints are there');
      await svcctl(lab, 'endpoint', 'remove', 'echo', 'web-2:7777', '--wait');
      await svcctl(lab, 'expose', '2.2.2.6:7777', '--name', 'another', '--to', 'web-2:7777', '--wait');
      await answerAll(open, 'one endpoint is gone, another service has come');
      await svcctl(lab, 'endpoint', 'remove', 'echo', 'web-3:7777', '--wait');
      await answerAll(open, 'no endpoint is left');
      expect((await lab.exec('client', ['curl', '-sSm5', 'http://2.2.2.5:7777'])).exitCode).toBe(7);
      for (const name of ['echo', 'another']) await svcctl(lab, 'unexpose', name, '--wait');
      await answerAll(open, 'the service is gone');
    } finally {
      for (const each of open) each.close();
    }
    await goesOn();
  });

  it('300 changes of three services: nothing fails or goes astray, and every kernel ends as the model', async () => {
    const { lab } = up;
    const services = POOLS.map((pool, i) => ({ name: `pool-${i}`, vip: `2.2.2.${10 + i}`, pool }));
    for (const { name, vip, pool } of services)
      await svcctl(lab, 'expose', `${vip}:88`, '--name', name, '--to', `${pool[0]}:12345`, '--wait');
    const targets = services.map(({ name, vip }) => ({ label: name, address: vip, port: 88 }));
    const streams = ['client', 'host-3'].map((member) => startTraffic(lab, member, targets));
    await Promise.all(streams.map((each) => each.more(5)));
    await Promise.all(services.map(({ name, pool }) => changeOften(lab, name, pool, 100)));
    await svcctl(lab, 'endpoint', 'remove', 'pool-0', `${POOLS[0]?.[0]}:12345`, '--wait');
    const settled = Date.now();
    await Promise.all(streams.map((each) => each.more(10)));
    for (const stream of streams) {
      stream.stop();
      for (const { name, pool } of services)
        expect(answersOf(stream, name).filter((answer) => !pool.includes(answer))).toEqual([]);
      expect(new Set(answersOf(stream, 'pool-0', settled))).toEqual(new Set([POOLS[0]?.[1]]));
    }
    await isWhole();
    for (const { name } of services) await svcctl(lab, 'unexpose', name, '--wait');
  });
});

/** Who serves the services of the last test, the first of each all the time but at the end. */
const POOLS: readonly (readonly string[])[] = [
  ['web-1', 'web-2'],
  ['web-3', 'web-1b'],
  ['web-2', 'web-3'],
];

function startAll(lab: Lab, straight: string): Traffic[] {
  const vip = { label: 'VIP', address: '2.2.2.2', port: 88 };
  const nodePort = (host: string) => ({ label: host, address: lab.addressOf(host), port: 30001 });
  const container = { label: 'straight', address: straight, port: 12345 };
  return [
    startTraffic(lab, 'host-1', [vip, container], 'cwy-web-1'),
    startTraffic(lab, 'client', [vip, nodePort('host-1'), nodePort('host-3')]),
    startTraffic(lab, 'host-2', [vip, nodePort('host-2')]),
  ];
}

/** Connections from a container and from outside: enough that each endpoint most likely has some. */
function openMany(lab: Lab, address: string, port: number): Promise<Conversation[]> {
  const inside = ['ip', 'netns', 'exec', 'cwy-web-1'];
  const four = [1, 2, 3, 4];
  return Promise.all([
    ...four.map(() => converse(lab, 'host-1', inside, address, port)),
    ...four.map(() => converse(lab, 'client', [], address, port)),
  ]);
}

async function answerAll(open: readonly Conversation[], line: string): Promise<void> {
  expect(await Promise.all(open.map((each) => each.say(line)))).toEqual(open.map(() => line));
}

/** Adds and removes the second endpoint, as fast as the controller answers; both are there at the end. */
async function changeOften(lab: Lab, name: string, pool: readonly string[], times: number): Promise<void> {
  const to = `${pool[1]}:12345`;
  const path = `/v1/services/${name}/endpoints`;
  for (let i = 0; i < times - 1; i++) {
    const { status } =
      i % 2 === 0
        ? await lab.api.ask('POST', path, { to })
        : await lab.api.ask('DELETE', `${path}/${encodeURIComponent(to)}`);
    expect(status).toBe(200);
  }
}

/** @param since leaves out attempts that began before this time, which may have chosen before it */
function answersOf({ attempts }: Traffic, label: string, since = 0): string[] {
  const asked = attempts.filter((attempt) => attempt.label === label && attempt.at >= since);
  return asked.map(({ answer }) => answer.replace('hello from ', ''));
}
