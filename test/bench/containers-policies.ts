import { join } from 'node:path';
import { run } from '@causeway/shared/programs/run';
import type { Measured, Where } from './containers-policies-inside.ts';
import { median, type Row, rowOf } from './row.ts';
import { OWN_NAMESPACES } from './services-kernel.ts';

const TIMEOUT_MS = 300_000;
const PLACES: Readonly<Record<Where, string>> = {
  beside: 'on the same bridge',
  beyond: 'behind a route',
};

/** What policies of many rules cost a new connection, in namespaces of its own. */
export async function benchContainersPolicies(): Promise<Row[]> {
  // The program that works inside is bundled too, and lies beside the other programs.
  const program = join(__dirname, 'bench-policies.cjs');
  const { stdout } = await run('unshare', [...OWN_NAMESPACES, process.execPath, program], {
    timeoutMs: TIMEOUT_MS,
  });
  const measured: Measured = JSON.parse(stdout);
  return measured.connections.map(({ tool, where, ruled, free }) => {
    const name = `${tool}: connection set-up to a container ${PLACES[where]}, policies of 10000 rules (reference: none)`;
    return rowOf(name, 'us', median(ruled), median(free), '<= 1.1 x');
  });
}
