import { setTimeout as sleep } from 'node:timers/promises';
import { NFT_TABLE } from '@causeway/shared/names';
import { type SpawnOnHost, watchGenerations } from './services-cluster-generations.ts';

/** A kernel has had no transaction for so long before it is looked at whole, milliseconds. */
const STILL_MS = 1_500;
const PATIENCE_MS = 60_000;

/** A host whose kernel holds nothing of ours. */
export interface BareHost {
  readonly name: string;
  readonly spawn: SpawnOnHost;
  /** Runs a script on it. @returns its output */
  readonly sh: (script: string) => Promise<string>;
  readonly startAgent: () => Promise<void>;
}

/** Milliseconds from before the agent's process until the last transaction, after which the kernel was found to hold everything. */
export async function startOn(host: BareHost, services: number): Promise<number> {
  const generations = watchGenerations(host.spawn);
  try {
    await sleep(500);
    const startedAt = performance.now();
    await host.startAgent();
    for (;;) {
      await sleep(100);
      const now = performance.now();
      if (now - startedAt > PATIENCE_MS) throw new Error(`the agent of ${host.name} does not come to an end`);
      const { last, count } = generations;
      if (count === 0 || now - last < STILL_MS) continue;
      if (await holdsAll(host, services)) return last - startedAt;
    }
  } finally {
    generations.close();
  }
}

async function holdsAll(host: BareHost, services: number): Promise<boolean> {
  const [verdicts, buckets] = await Promise.all([elements(host, 'services'), elements(host, 'pick2')]);
  return verdicts === services && buckets === 2 * services;
}

/** Each is `KEY : VALUE`, and so is the map's declaration. */
async function elements({ sh }: BareHost, map: string): Promise<number> {
  return Number(await sh(`nft list map ip ${NFT_TABLE} ${map} 2>/dev/null | grep -o ' : ' | wc -l`)) - 1;
}
