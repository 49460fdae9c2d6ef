import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Kept, keepConnection } from '../support/asker.ts';
import { type Connections, openConnections } from '../support/connections.ts';
import { output, useLab } from '../support/lab.ts';
import { FIRST_PORT } from '../support/random-services.ts';
import { openServiceFaults, type ServiceFaults } from '../support/service-faults.ts';

/**
 * Agents that are killed while services change: at each of the transactions that a change consists of, before and
 * after, and at any moment. The next agent brings its kernel to what is asked for, from whatever the last one left, and
 * connections that stand go on.
 */
const up = useLab({ name: 'agents', hosts: 3, networkIpv6: 'fd00:10::/48', etcd: 'external' });
const SLOTS = 60;
/** Those with nftables, where a change is one transaction for each family. */
const KILLED = ['host-1', 'host-2'];
const VIPS = ['2.2.2.2', 'fd00:2::2'];
let faults: ServiceFaults;
let connections: Connections;
let kept: readonly Kept[] = [];

beforeAll(async () => {
  const { lab } = up;
  faults = await openServiceFaults(lab, { slots: SLOTS });
  connections = await openConnections(faults, SLOTS);
  const ports = [{ port: 80, targetPort: FIRST_PORT, nodePort: 32_000 }];
  const stable = { vip: VIPS, ports, endpoints: ['web-1', 'web-2'] };
  expect(await lab.api.ask('PUT', '/v1/services/kept', { name: 'kept', ...stable })).toMatchObject({
    status: 201,
  });
  await faults.changes.burst(100);
  await faults.settle();
  kept = [
    ...VIPS.flatMap((vip) => [
      keepConnection(lab, 'host-1', `tcp ${vip} 80`, 'cwy-web-1'),
      keepConnection(lab, 'host-2', `tcp ${vip} 80`),
      keepConnection(lab, 'host-3', `tcp ${vip} 80`, 'cwy-web-3'),
    ]),
    ...lab.hosts.map((host) => keepConnection(lab, 'client', `tcp ${lab.addressOf(host)} 32000`)),
  ];
});
afterAll(() => {
  for (const one of kept) one.close();
});

/** Changes go on while something happens; all connections that stood before stand afterwards. */
async function during(event: () => Promise<void>): Promise<void> {
  const stood = await Promise.all(kept.map((one) => one.ask()));
  expect(stood.filter((said) => !/^web-[12] /.test(said))).toEqual([]);
  connections.begin();
  const stop = new AbortController();
  const burst = (async () => {
    while (!stop.signal.aborted) await faults.changes.burst(5);
  })();
  await event().finally(() => stop.abort());
  await burst;
  await connections.end();
  await faults.settle();
  expect(connections.judge()).toEqual([]);
  expect(await Promise.all(kept.map((one) => one.ask()))).toEqual(stood);
  await faults.nothingToDo();
}

/** Waits for the death that was asked for, and starts the host's next agent. */
async function dieAndStart(host: string): Promise<void> {
  await expect.poll(() => faults.log.isDue(host), { timeout: 120_000 }).toBe(false);
  await faults.lab.stopAgent(host, 'SIGKILL');
  await faults.startAgent(host);
}

describe('an agent that is killed', () => {
  // IPv4, IPv6, and between them the flows of UDP.
  it.each([0, 1, 2])('at the transaction of a change with so many before it: %s', async (skip) => {
    const { lab, log } = faults;
    await during(async () => {
      for (const moment of ['before', 'after'] as const) {
        for (const host of KILLED) {
          log.kill(host, moment, skip);
          // A step besides those of the rules.
          await output(lab, host, 'ip', 'route', 'flush', 'proto', '88');
        }
        await Promise.all(KILLED.map(dieAndStart));
        await lab.ready();
      }
    });
  });

  it('at any moment, over and over', async () => {
    const { lab, chance, changes } = faults;
    await during(async () => {
      for (let round = 0; round < 6; round++) {
        const from = changes.changes;
        const count = 1 + chance.below(20);
        await expect
          .poll(() => changes.changes, { interval: 1, timeout: 120_000 })
          .toBeGreaterThan(from + count);
        const host = chance.of(KILLED);
        await lab.stopAgent(host, 'SIGKILL');
        await faults.startAgent(host);
      }
      await lab.ready();
    });
  });
});
