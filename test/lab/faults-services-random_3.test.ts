import type { NodeView } from '@causeway/lab/api';
import { beforeAll, expect, it } from 'vitest';
import { type Connections, openConnections } from '../support/connections.ts';
import { useLab } from '../support/lab.ts';
import { openServiceFaults, type ServiceFaults } from '../support/service-faults.ts';

/**
 * Ten thousand changes of services, endpoints and what they name, by chance, while a checker compares what every kernel
 * held after each of its transactions with what etcd asked for, and connections are made all the time.
 *
 * CAUSEWAY_SEED repeats a run's chance, CAUSEWAY_CHANGES makes it longer or shorter. Agents look at everything every
 * few seconds: what they would have to mend nobody broke but they.
 */
const up = useLab({
  ...{ name: 'random', hosts: 3, networkIpv6: 'fd00:10::/48', etcd: 'external' },
  agentFlags: { all: ['--resync-seconds', '10'] },
});
const CHANGES = Number(process.env.CAUSEWAY_CHANGES ?? 10_000);
const SLOTS = 150;
/** After each of them everything must be equal. */
const BURSTS = 8;
let faults: ServiceFaults;
let connections: Connections;

beforeAll(async () => {
  faults = await openServiceFaults(up.lab, { slots: SLOTS });
  connections = await openConnections(faults, SLOTS);
});

it('no kernel ever leads to a wrong place, and at the end all are equal', {
  timeout: 1_800_000,
}, async () => {
  const { changes, checker, lab } = faults;
  for (let burst = 0; burst < BURSTS; burst++) {
    connections.begin();
    await changes.burst(CHANGES / BURSTS);
    await connections.end();
    await faults.settle();
    expect(connections.judge()).toEqual([]);
  }
  const { states, parts } = checker;
  console.log(
    `${changes.changes} changes, ${changes.services.size} services, ${states} states of kernels, ${parts} in parts;`,
    `${connections.answered} of ${connections.asked} connections answered; refused: ${[...changes.refused].join(' ')}`,
  );
  expect(changes.changes).toBeGreaterThanOrEqual(CHANGES);
  expect(connections.answered).toBeGreaterThan(connections.asked / 4);
  await faults.nothingToDo();
  const nodes = await lab.api.list<NodeView>('/v1/nodes');
  expect(nodes.map(({ name, report }) => [name, report?.repairs, report?.problems])).toEqual(
    lab.hosts.map((host) => [host, 0, []]),
  );
});
