import { beforeAll, describe, expect, it } from 'vitest';
import { type Connections, openConnections } from '../support/connections.ts';
import { cut } from '../support/faults.ts';
import { useLab } from '../support/lab.ts';
import { openServiceFaults, type ServiceFaults } from '../support/service-faults.ts';

/**
 * Changes in plenty while etcd is killed and comes back with its data, or while hosts are cut off from it. What the API
 * has accepted is never lost, what it has not may be there or not, and no kernel holds anything else meanwhile.
 */
const up = useLab({ name: 'gone', hosts: 3, networkIpv6: 'fd00:10::/48', etcd: 'external' });
const SLOTS = 60;
let faults: ServiceFaults;
let connections: Connections;

beforeAll(async () => {
  // An API whose etcd is away says so with 503.
  faults = await openServiceFaults(up.lab, { slots: SLOTS, mayRefuse: [0, 503] });
  connections = await openConnections(faults, SLOTS);
  await faults.changes.burst(100);
  await faults.settle();
});

/** Changes go on until something has happened, and some more. */
async function during(event: () => Promise<void>): Promise<void> {
  const { changes } = faults;
  connections.begin();
  await changes.burst(30);
  const burst = changes.burst(150);
  await event();
  await burst;
  await connections.end();
  await faults.settle();
  expect(connections.judge()).toEqual([]);
}

describe('in the middle of many changes', () => {
  it.each([1, 2])('etcd is killed and comes back with its data: nothing accepted is lost (%s)', async () => {
    const { lab, changes } = faults;
    const unknown = () => (changes.refused.get(503) ?? 0) + (changes.refused.get(0) ?? 0);
    const before = unknown();
    const { answered } = connections;
    await during(async () => {
      await lab.stopEtcd('SIGKILL');
      // Somebody has asked for a change since.
      await expect.poll(unknown, { timeout: 60_000 }).toBeGreaterThan(before);
      await lab.startEtcd();
    });
    expect(connections.answered).toBeGreaterThan(answered);
    await faults.nothingToDo();
  });

  it('a host is cut off from etcd: it serves on with what it has, and catches up', async () => {
    const { lab, changes } = faults;
    await during(async () => {
      const mend = await cut(lab, ['host-1'], ['host-2']);
      const { changes: from } = changes;
      await expect.poll(() => changes.changes, { timeout: 60_000 }).toBeGreaterThan(from + 40);
      await mend();
    });
    await faults.nothingToDo();
  });
});
