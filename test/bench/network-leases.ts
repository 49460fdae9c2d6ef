import { setTimeout as sleep } from 'node:timers/promises';
import { joinPatiently } from '@causeway/node-agent/cluster/join';
import type { JoinInput, Membership } from '@causeway/node-agent/lease/membership';
import { createLogger } from '@causeway/node-agent/logger';
import { completeNetworkConfig } from '@causeway/shared/model/network.schema';
import { entriesOf } from '@causeway/shared/net/family';
import { encodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { startEtcd } from '../support/etcd.ts';
import { type EtcdCost, etcdCost } from './etcd-cost.ts';
import { type Row, rowOf } from './row.ts';

/** Nodes that join at the same moment, each round on an etcd of its own; the first is what the others are compared with. */
const SIZES = [250, 500, 1_000, 2_000] as const;
/** The one that the bar is about. */
const JUDGED = 1_000;
const MOST_SECONDS = 30;
/** Connections to etcd that the nodes share: they are all in this process. */
const CONNECTIONS = 16;
const SLICE = 20;
/** So that a machine that is busy with all nodes at once is not taken for an etcd that is gone, milliseconds. */
const PATIENCE_MS = 60_000;

/** Of all nodes in one process, the renewals of a sign of life of 10 s would take more time than joining. */
const ALIVE_SECONDS = 300;
/** Hosts note within this time after joining that they follow the network, milliseconds. */
const NOTED_MS = 2_500;
/** Nodes that join one after the other when all are there. */
const LATE = 5;

/** 4,095 subnets of IPv4 and 65,535 of IPv6. */
const NETWORK = completeNetworkConfig({
  ipv4: { network: '10.64.0.0/12' },
  ipv6: { network: 'fd00:10::/48' },
});

interface Figures {
  readonly nodes: number;
  readonly seconds: number;
  readonly duplicates: number;
  /** All nodes', while they joined. */
  readonly joining: EtcdCost;
  /** All nodes', when each looks once whether its place is still as it was written. */
  readonly looking: EtcdCost;
  /** Of `LATE` nodes that join when the others are there. */
  readonly late: EtcdCost;
}

/** Simulated nodes — the product's lease code in both families, without a kernel — that all join at once. */
export async function benchLeases(): Promise<Row[]> {
  const all: Figures[] = [];
  for (const nodes of SIZES) all.push(await measure(nodes));
  const [least] = all;
  return least === undefined ? [] : all.flatMap((figures) => rowsOf(figures, least));
}

function rowsOf(figures: Figures, least: Figures): Row[] {
  const { nodes } = figures;
  const row = (what: string, unit: string, of: (figures: Figures) => number, limit = 'none') =>
    rowOf(`${nodes} nodes (reference: ${least.nodes}): ${what}`, unit, of(figures), of(least), limit);
  const each = (of: (figures: Figures) => number) => (one: Figures) => of(one) / one.nodes;
  const constant = nodes === least.nodes ? 'none' : '<= 1.5 x';
  const bar = nodes === JUDGED ? `<= ${MOST_SECONDS}` : 'none';
  return [
    row('join at once, until all have their subnets', 's', (one) => one.seconds, bar),
    rowOf(
      `${nodes} nodes (reference: that number): subnets that two of them have`,
      'count',
      figures.duplicates,
      nodes,
      '<= 0',
    ),
    row(
      'etcd requests for each to join',
      'requests',
      each((one) => one.joining.requests),
      constant,
    ),
    row('of these, transactions that a race was lost in', 'requests', each(racesOf)),
    row(
      'bytes that etcd sent for each to join',
      'KiB',
      each((one) => one.joining.sentBytes / 1024),
    ),
    row(
      'bytes that etcd got from each to join',
      'KiB',
      each((one) => one.joining.receivedBytes / 1024),
    ),
    row(
      'etcd requests for each to look whether its place is untouched',
      'requests',
      each((one) => one.looking.requests),
      '<= 1',
    ),
    row('etcd requests for one more to join', 'requests', (one) => one.late.requests / LATE, constant),
    row('bytes that etcd sent for one more to join', 'KiB', (one) => one.late.sentBytes / LATE / 1024),
  ];
}

/** One transaction of each node, and the one that notes the network, are no lost races. */
function racesOf({ joining, nodes }: Figures): number {
  return Math.max(0, joining.transactions - nodes - 1);
}

async function measure(nodes: number): Promise<Figures> {
  const etcd = await startEtcd();
  const stores = Array.from({ length: CONNECTIONS }, () =>
    openEtcdStore({ endpoints: [etcd.endpoint], callTimeoutMs: PATIENCE_MS }),
  );
  const store = (n: number): Store => {
    const found = stores[n % CONNECTIONS];
    if (found === undefined) throw new Error('there are no connections');
    return found;
  };
  const members: Membership[] = [];
  try {
    const config = { put: keys.networkConfig, value: encodeNetworkConfig(NETWORK) };
    await store(0).transaction([], [config]);
    const before = await etcdCost(etcd.endpoint);
    const started = performance.now();
    members.push(...(await joinAll(nodes, store)));
    const seconds = (performance.now() - started) / 1000;
    await sleep(NOTED_MS);
    const joined = await etcdCost(etcd.endpoint);
    await Promise.all(members.map((member) => member.check()));
    const looked = await etcdCost(etcd.endpoint);
    for (let n = nodes; n < nodes + LATE; n++) members.push(await join(store(n), n));
    const late = await etcdCost(etcd.endpoint);
    return {
      ...{ nodes, seconds, duplicates: duplicatesOf(members) },
      ...{ joining: joined.since(before), looking: looked.since(joined), late: late.since(looked) },
    };
  } finally {
    for (const member of members) member.stop();
    for (const one of stores) one.close();
    await etcd.stop();
  }
}

/** All at once, but so that this process goes on answering etcd while it starts them. */
async function joinAll(nodes: number, store: (n: number) => Store): Promise<Membership[]> {
  const joining: Promise<Membership>[] = [];
  for (let n = 0; n < nodes; n++) {
    joining.push(join(store(n), n));
    if (n % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return Promise.all(joining);
}

async function join(store: Store, n: number): Promise<Membership> {
  const membership = await joinPatiently(
    store,
    node(n),
    createLogger('silent', 'bench'),
    new AbortController().signal,
  );
  if (membership === undefined) throw new Error(`node ${n} did not join`);
  return membership;
}

/** Subnets that more than one node holds, and subnets that a node of them lacks. */
function duplicatesOf(members: readonly Membership[]): number {
  const subnets = members.flatMap((member) => entriesOf(member.subnets).map(([, subnet]) => subnet));
  return 2 * members.length - new Set(subnets).size;
}

function node(n: number): JoinInput {
  const publicIp = { ipv4: `172.16.${n >> 8}.${n & 255}`, ipv6: `fd22::${(n + 1).toString(16)}` };
  const id = `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
  return {
    node: {
      ...{ name: `host-${n}`, id, dataplane: 'nftables', version: '0.1.0' },
      addresses: [publicIp.ipv4, publicIp.ipv6],
      ipv4: { publicIp: publicIp.ipv4, network: '172.16.0.0/16' },
      ipv6: { publicIp: publicIp.ipv6, network: 'fd22::/64' },
    },
    instance: `instance-${n}`,
    aliveSeconds: ALIVE_SECONDS,
  };
}
