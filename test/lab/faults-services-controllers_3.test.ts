import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, apiAt } from '@causeway/lab/api';
import { keys } from '@causeway/shared/store/keys';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { list, revision } from '../support/etcd-keys.ts';
import { svcctl } from '../support/faults.ts';
import { useLab } from '../support/lab.ts';
import { openServiceFaults, type ServiceFaults } from '../support/service-faults.ts';

/** Two controllers take changes of the same services at once; then one of them is killed in the middle. */
const up = useLab({ name: 'two', hosts: 3, networkIpv6: 'fd00:10::/48', etcd: 'external' });
const SLOTS = 40;
let faults: ServiceFaults;
let apis: readonly Api[];
let second: ChildProcessWithoutNullStreams;

beforeAll(async () => {
  const { lab } = up;
  second = await startSecond();
  const socket = join(lab.directory, 'hosts/host-2/run/causeway/controller.sock');
  apis = [lab.api, apiAt(socket)];
  await isReady();
  faults = await openServiceFaults(lab, { slots: SLOTS, apis, mayRefuse: [0, 503] });
});

async function startSecond(): Promise<ChildProcessWithoutNullStreams> {
  const { lab } = up;
  const flags = ['--etcd', lab.etcd, '--network', lab.network, '--network-ipv6', 'fd00:10::/48'];
  const listen = ['--listen', `${lab.addressOf('host-2')}:7480`];
  return lab.spawn('host-2', ['causeway-controller', ...flags, ...listen]);
}

async function isReady(): Promise<void> {
  const ready = async () => expect((await apis[1]?.ask('GET', '/readyz'))?.status).toBe(200);
  await vi.waitFor(ready, { timeout: 60_000, interval: 50 });
}

/** What both show of a collection, which must be the same. */
async function agreed<T>(path: string): Promise<readonly T[]> {
  const [one, two] = await Promise.all(apis.map((api) => api.list<T>(path)));
  expect(two).toEqual(one);
  return one ?? [];
}

/** Nobody writes what nobody has asked for. */
async function isStill(): Promise<void> {
  const written = async () => {
    const all = await Promise.all(
      [keys.servicePrefix, keys.allocationPrefix].map((one) => list(up.lab, one)),
    );
    return JSON.stringify(all);
  };
  const before = await written();
  const from = Number(await revision(up.lab));
  await sleep(STILL_MS);
  expect(await written()).toBe(before);
  // Reports and signs of life go on.
  expect(Number(await revision(up.lab)) - from).toBeLessThan(STILL_MS / 100);
}

/** A fight of two controllers writes many times in this time, milliseconds. */
const STILL_MS = 3_000;

describe('two controllers at once', () => {
  it('change the same services: they agree, and come to rest', async () => {
    await faults.changes.burst(400);
    await faults.settle();
    await agreed('/v1/services');
    await agreed('/v1/endpoints');
    await isStill();
    await faults.nothingToDo();
  });

  it('give each VIP and each NodePort away once, whoever asks whom at the same time', async () => {
    const names = Array.from({ length: 60 }, (_, n) => `race-${n}`);
    const wanted = { vip: ['auto', 'auto'], ports: [{ port: 80, nodePort: 'auto' }], endpoints: ['web-1'] };
    const answers = await Promise.all(
      // Each name is asked for twice, of both: the same service, or a conflict, and never a second one.
      names.flatMap((name) => apis.map((api) => api.ask('PUT', `/v1/services/${name}`, { name, ...wanted }))),
    );
    expect(answers.map(({ status }) => status).filter((status) => ![200, 201, 409].includes(status))).toEqual(
      [],
    );
    const services = await agreed<{ name: string; vips: string[]; ports: { nodePort?: number }[] }>(
      '/v1/services',
    );
    const racers = services.filter(({ name }) => name.startsWith('race-'));
    expect(racers.map(({ name }) => name).sort()).toEqual([...names].sort());
    const given = services.flatMap(({ vips }) => vips);
    const nodePorts = racers.flatMap(({ ports }) => ports.map(({ nodePort }) => nodePort));
    expect([new Set(given).size, new Set(nodePorts).size]).toEqual([given.length, names.length]);
    await svcctl(up.lab, 'ipam', 'check');
    await Promise.all(names.map((name, n) => apis[n % 2]?.ask('DELETE', `/v1/services/${name}`)));
    await svcctl(up.lab, 'ipam', 'check');
    await isStill();
  });

  it('one is killed in the middle: nothing is doubled or leaked, and the other finishes what it left', async () => {
    const { changes } = faults;
    for (let round = 0; round < 2; round++) {
      const from = changes.changes;
      const burst = changes.burst(200);
      await expect.poll(() => changes.changes, { timeout: 120_000 }).toBeGreaterThan(from + 60);
      second.kill('SIGKILL');
      await once(second, 'exit');
      await burst;
      await faults.settle();
      await faults.nothingToDo();
      second = await startSecond();
      await isReady();
      await agreed('/v1/services');
      await isStill();
    }
  });
});
