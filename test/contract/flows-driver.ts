import { text } from 'node:stream/consumers';
import { forgetFlows, listFlows } from '../../node-agent/src/kernel/conntrack.ts';
import { createFlowCleaner } from '../../node-agent/src/loop/flow-cleaner.ts';
import type { FirewallIntent } from '../../shared/src/desired/intent.ts';

/**
 * The cleaning of flows as a program, to be run inside of a test's namespace. Takes the intents on its standard input;
 * prints what came of it.
 */
export interface Call {
  /** Of the life before; absent: the agent has just started. */
  readonly from?: readonly FirewallIntent[];
  readonly to: readonly FirewallIntent[];
}

async function main(): Promise<void> {
  const { from, to }: Call = JSON.parse(await text(process.stdin));
  let isNow = false;
  const cleaner = createFlowCleaner({
    listFlows: async (request) => (isNow ? listFlows(request) : { flows: [], local: [], linkLocal: [] }),
    forgetFlows,
  });
  if (from !== undefined) await cleaner.clean(from);
  isNow = true;
  process.stdout.write(JSON.stringify(await cleaner.clean(to)));
}

main();
