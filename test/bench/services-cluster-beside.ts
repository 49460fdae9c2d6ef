import { CausewayError } from '@causeway/shared/errors';
import { run } from '@causeway/shared/programs/run';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { intentOf } from '../support/intents.ts';
import { serveInside } from './inside.ts';
import { fillTask, intentOfNumber } from './services-cluster-services.ts';

/**
 * Runs on the lab's client, which has no agent: fills etcd, and does with nft alone what the agents do on their hosts, by
 * somebody who has the rules written down already.
 */

const TIMEOUT_MS = 120_000;

async function load(input: string): Promise<void> {
  await run('nft', ['-f', '-'], { input, timeoutMs: TIMEOUT_MS });
}

/** In parts where the kernel does not take it whole: in the user namespace of a lab. */
async function loadAll(input: string): Promise<void> {
  try {
    await load(input);
  } catch (error) {
    if (!(error instanceof CausewayError) || !/Message too long/.test(error.message)) throw error;
    for (const part of nftables.parts(input)) await load(part);
  }
}

async function timed(action: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}

const servicesOf = (count: number) => Array.from({ length: count }, (_, i) => intentOfNumber(i));
let turn = 0;

void serveInside({
  fill: fillTask,
  full: async (count) => {
    const input = nftables.full(intentOf(servicesOf(count as number)));
    await load('flush ruleset\n');
    return timed(() => loadAll(input));
  },
  change: async (count) => {
    const i = Math.floor((count as number) / 2);
    const from = intentOf([intentOfNumber(i, [turn, 0]), intentOfNumber(i + 1)]);
    const to = intentOf([intentOfNumber(i, [turn + 1, 0]), intentOfNumber(i + 1)]);
    turn += 1;
    return timed(() => load(nftables.change(from, to)));
  },
});
