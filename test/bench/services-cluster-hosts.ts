import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLab, type Lab } from '@causeway/lab/lab';
import { type EtcdCost, etcdCostIn } from './etcd-cost.ts';
import { openInside } from './inside.ts';
import { median, type Row, rowOf } from './row.ts';
import { type Api, openApi } from './services-cluster-api.ts';
import { cpuMs, pidOf } from './services-cluster-memory.ts';
import { inputOf, nameOf } from './services-cluster-services.ts';

/** Hosts that watch, and how many changes each number of them sees. */
const SIZES = [
  { hosts: 10, changes: 20 },
  { hosts: 100, changes: 20 },
  { hosts: 1_000, changes: 6 },
] as const;
/** How many there are says nothing about what one of them costs. */
const SERVICES = 50;
/** After the last change, for whatever is still under way, milliseconds. */
const REST_MS = 1_500;

interface Figures {
  readonly hosts: number;
  /** Of one change. */
  readonly etcd: Pick<EtcdCost, 'requests' | 'sentBytes' | 'receivedBytes'>;
  readonly cpuMs: { readonly etcd: number; readonly controller: number };
  readonly heardMs: number;
}

/** What one change costs etcd and the controller when many hosts follow the cluster. */
export async function benchHosts(): Promise<Row[]> {
  const lab = await createLab({ name: 'bench-hosts', hosts: 1, etcd: 'external', until: 'controller' });
  try {
    const inside = openInside(
      lab.spawn('client', [process.execPath, join(__dirname, 'bench-services-hosts.cjs')]),
    );
    await inside.ask('fill', { etcd: lab.etcd, count: SERVICES });
    const api = openApi(lab, 1);
    const all: Figures[] = [];
    let version = 0;
    for (const { hosts, changes } of SIZES) {
      await inside.ask('join', { etcd: lab.etcd, count: hosts });
      const change = async () => {
        version += 1;
        const revision = await changed(api, version);
        const answeredAt = performance.timeOrigin + performance.now();
        return (await inside.ask<number>('heard', revision)) - answeredAt;
      };
      all.push(await measure(lab, hosts, changes, change));
    }
    api.close();
    const [least] = all;
    return least === undefined ? [] : all.flatMap((figures) => rowsOf(figures, least));
  } finally {
    await lab.down();
  }
}

async function changed(api: Api, version: number): Promise<number> {
  const i = version % SERVICES;
  const { revision } = await api.ask('PUT', `/v1/services/${nameOf(i)}`, inputOf(i, [version, version]));
  return revision ?? 0;
}

async function measure(
  lab: Lab,
  hosts: number,
  changes: number,
  change: () => Promise<number>,
): Promise<Figures> {
  const pids = { etcd: pidOf(lab, 'host-1', 'etcd'), controller: pidOf(lab, 'host-1', 'controller') };
  const spent = () => ({ etcd: cpuMs(pids.etcd), controller: cpuMs(pids.controller) });
  await change();
  await sleep(REST_MS);
  const [before, cpuBefore] = [await etcdCostIn(lab), spent()];
  const heardMs: number[] = [];
  for (let n = 0; n < changes; n++) heardMs.push(await change());
  await sleep(REST_MS);
  const [cost, cpu] = [(await etcdCostIn(lab)).since(before), spent()];
  return {
    hosts,
    etcd: {
      requests: cost.requests / changes,
      sentBytes: cost.sentBytes / changes,
      receivedBytes: cost.receivedBytes / changes,
    },
    cpuMs: {
      etcd: (cpu.etcd - cpuBefore.etcd) / changes,
      controller: (cpu.controller - cpuBefore.controller) / changes,
    },
    heardMs: median(heardMs),
  };
}

function rowsOf(figures: Figures, least: Figures): Row[] {
  const { hosts } = figures;
  const row = (what: string, unit: string, of: (figures: Figures) => number) =>
    rowOf(
      `one change, ${hosts} hosts watch (reference: ${least.hosts}): ${what}`,
      unit,
      of(figures),
      of(least),
      'none',
    );
  const each = (of: (figures: Figures) => number) => (one: Figures) => of(one) / one.hosts;
  return [
    row(
      'bytes that etcd sends, for each host',
      'B',
      each(({ etcd }) => etcd.sentBytes),
    ),
    row(
      'bytes that etcd receives, for each host',
      'B',
      each(({ etcd }) => etcd.receivedBytes),
    ),
    row('etcd requests', 'requests', ({ etcd }) => etcd.requests),
    row('processor time of etcd', 'ms', ({ cpuMs }) => cpuMs.etcd),
    row('processor time of the controller', 'ms', ({ cpuMs }) => cpuMs.controller),
    row("API's answer until the last host has heard", 'ms', ({ heardMs }) => heardMs),
  ];
}
