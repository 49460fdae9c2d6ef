import { join } from 'node:path';
import { run } from '@causeway/shared/programs/run';
import { median, type Row, rowOf } from './row.ts';
import type { Starts } from './services-agent-inside.ts';
import { OWN_NAMESPACES } from './services-kernel.ts';

const MOST_MS = 3_000;
const MOST_MB = 200;
const TIMEOUT_MS = 300_000;

/** What an agent takes to start among many services, on a host that is nothing but a network namespace. */
export async function benchServicesAgent(): Promise<Row[]> {
  const program = join(__dirname, 'bench-services-agent.cjs');
  const { stdout } = await run('unshare', [...OWN_NAMESPACES, process.execPath, program], {
    timeoutMs: TIMEOUT_MS,
  });
  const { services, ours, alone, residentMb, idleMb }: Starts = JSON.parse(stdout);
  const what = `${services} services x 2 endpoints`;
  return [
    rowOf(
      `agent: start to all of ${what} in the kernel (reference: nft -f alone)`,
      ...(['ms', median(ours), median(alone), `<= ${MOST_MS}`] as const),
    ),
    rowOf(
      `agent: resident memory with ${what}, started (reference: node -e, idle)`,
      ...(['MB', Math.max(...residentMb), idleMb, `<= ${MOST_MB}`] as const),
    ),
  ];
}
