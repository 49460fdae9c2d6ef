import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterView, watchCluster } from '@causeway/node-agent/cluster/view';
import { createLogger } from '@causeway/node-agent/logger';
import { createReporter } from '@causeway/node-agent/loop/reporter';
import type { NodeRecord, NodeReport } from '@causeway/shared/model/node';
import { encode } from '@causeway/shared/store/codec';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { serveInside } from './inside.ts';
import { fillTask } from './services-cluster-services.ts';

/**
 * Hosts without a kernel: each has its own connection to etcd, follows the cluster and reports what it has heard, all by the
 * agent's own code. They have no subnet: a thousand in one process that know a thousand leases each would take its memory.
 */

const OWNERSHIP_SECONDS = 86_400;
/** Hosts that come at the same moment. */
const AT_ONCE = 50;
/** Nothing is written for so long when all have reported, milliseconds. */
const QUIET_MS = 400;

const log = createLogger('silent', 'bench');
const views: ClusterView[] = [];
/** Revisions of services that hosts have heard of, and the last moment at which any of them wrote. */
const heard: number[] = [];
let lastWriteAt = 0;

async function join(etcd: string, number: number): Promise<void> {
  const store = noted(openEtcdStore({ endpoints: [etcd] }));
  const lease = await store.grantLease(OWNERSHIP_SECONDS);
  const node = nodeOf(number);
  await store.transaction(
    [],
    [
      { put: keys.node(node.name), value: encode(node), lease },
      { put: keys.alive(node.name), value: encode({ id: node.id, instance: 'one' }) },
    ],
  );
  const reporter = createReporter({ store, lease: () => lease, log });
  const told = () => {
    const built = view.read();
    if (built?.snapshot === undefined) return;
    const { servicesRevision, networkRevision } = built.snapshot;
    heard[number] = servicesRevision;
    reporter.report(reportOf(node.name, servicesRevision, networkRevision));
  };
  const view: ClusterView = watchCluster(store, node.name, { onChange: told, onConnection: () => undefined });
  views.push(view);
}

function noted(store: Store): Store {
  return {
    ...store,
    transaction: async (guards, writes) => {
      const result = await store.transaction(guards, writes);
      lastWriteAt = performance.now();
      return result;
    },
  };
}

function nodeOf(number: number): NodeRecord {
  const publicIp = `172.16.${number >> 8}.${number & 255}`;
  const name = `simulated-${number}`;
  return {
    ...{ name, id: `id-${name}`, addresses: [publicIp], dataplane: 'nftables', version: '0.1.0' },
    ipv4: { publicIp, network: '172.16.0.0/16' },
  };
}

/** As of a host without peers. */
function reportOf(name: string, servicesRevision: number, networkRevision: number): NodeReport {
  return {
    ...{ name, servicesRevision, networkRevision, appliedInMs: 1, at: new Date().toISOString() },
    ...{ peersWanted: 0, peersInstalled: 0, peers: [], problems: [], repairs: 0 },
  };
}

async function quiet(): Promise<void> {
  while (performance.now() - lastWriteAt < QUIET_MS) await sleep(20);
}

void serveInside({
  fill: fillTask,
  /** Until there are so many. */
  join: async (argument) => {
    const { etcd, count } = argument as { etcd: string; count: number };
    while (views.length < count) {
      const more = Math.min(AT_ONCE, count - views.length);
      const first = views.length;
      await Promise.all(Array.from({ length: more }, (_, i) => join(etcd, first + i)));
    }
    while (!views.every((view) => view.isWhole())) await sleep(20);
    await quiet();
  },
  /** Until all have heard of a revision and reported. @returns the moment at which the last one had heard */
  heard: async (revision) => {
    while (!heard.every((each) => each >= (revision as number))) await sleep(1);
    const at = performance.timeOrigin + performance.now();
    await quiet();
    return at;
  },
});
