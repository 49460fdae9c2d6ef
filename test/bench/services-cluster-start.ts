import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '@causeway/lab/lab';
import { NFT_TABLE } from '@causeway/shared/names';
import { median, type Row, rowOf } from './row.ts';
import { watchGenerations } from './services-cluster-generations.ts';
import type { ServicesWorld } from './services-cluster-world.ts';

const MOST_MS = 3_000;
/** A kernel that has had no transaction for so long is looked at whole, milliseconds. */
const STILL_MS = 1_500;
const PATIENCE_MS = 60_000;

/** An agent starts on each host in turn, on a kernel that holds nothing, and nft alone does the same in between. */
export async function benchStart(world: ServicesWorld): Promise<Row[]> {
  const { lab, services, beside } = world;
  const ours: number[] = [];
  const alone: number[] = [];
  for (const host of lab.hosts) {
    ours.push(await startOf(world, host));
    alone.push(await beside.ask<number>('full', services));
  }
  const name = `agent: start to all of ${services} services x 2 endpoints in the kernel (reference: nft -f alone)`;
  return [rowOf(name, 'ms', median(ours), median(alone), `<= ${MOST_MS}`)];
}

/** From before its process until the last transaction, after which the kernel was found to hold everything. */
async function startOf({ lab, services }: ServicesWorld, host: string): Promise<number> {
  const generations = watchGenerations(lab, host);
  try {
    await sleep(500);
    const startedAt = performance.now();
    await lab.startAgent(host);
    for (;;) {
      await sleep(100);
      const now = performance.now();
      if (now - startedAt > PATIENCE_MS) throw new Error(`the agent of ${host} does not come to an end`);
      const { last, count } = generations;
      if (count === 0 || now - last < STILL_MS) continue;
      if (await holdsAll(lab, host, services)) return last - startedAt;
    }
  } finally {
    generations.close();
  }
}

async function holdsAll(lab: Lab, host: string, services: number): Promise<boolean> {
  const [verdicts, buckets] = await Promise.all([
    elements(lab, host, 'services'),
    elements(lab, host, 'pick2'),
  ]);
  return verdicts === services && buckets === 2 * services;
}

/** Each is `KEY : VALUE`, and so is the map's declaration. */
async function elements(lab: Lab, host: string, map: string): Promise<number> {
  const script = `nft list map ip ${NFT_TABLE} ${map} 2>/dev/null | grep -o ' : ' | wc -l`;
  const { stdout } = await lab.exec(host, ['sh', '-c', script]);
  return Number(stdout) - 1;
}
