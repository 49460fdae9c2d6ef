import { createInterface } from 'node:readline';
import { forgetFlows, listFlows } from '../../node-agent/src/kernel/conntrack.ts';
import { type Cleaning, createFlowCleaner } from '../../node-agent/src/loop/flow-cleaner.ts';
import type { FirewallIntent } from '../../shared/src/desired/intent.ts';

/**
 * The cleaning of flows as a program, to be run inside of a test's namespace. Takes each call as a line of its standard
 * input; prints what came of it, as a line.
 */
export interface Call {
  /** Of the life before; absent: the agent has just started. */
  readonly from?: readonly FirewallIntent[];
  readonly to: readonly FirewallIntent[];
}

async function clean({ from, to }: Call): Promise<Cleaning> {
  let isNow = false;
  const cleaner = createFlowCleaner({
    listFlows: async (request) => (isNow ? listFlows(request) : { flows: [], local: [], linkLocal: [] }),
    forgetFlows,
  });
  if (from !== undefined) await cleaner.clean(from);
  isNow = true;
  return cleaner.clean(to);
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, ...call } = JSON.parse(line) as Call & { readonly id: number };
  process.stdout.write(`${JSON.stringify({ id, answer: await clean(call) })}\n`);
});
