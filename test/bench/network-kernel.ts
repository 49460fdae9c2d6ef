import { join } from 'node:path';
import { run } from '@causeway/shared/programs/run';
import type { Measured } from './network-kernel-inside.ts';
import { median, type Row, rowOf } from './row.ts';

const NAMESPACES = [
  '--user',
  '--map-root-user',
  '--net',
  '--mount',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
];
const TIMEOUT_MS = 300_000;

/** What the kernel's part of the agent costs with a thousand peers, in namespaces of its own. */
export async function benchKernel(): Promise<Row[]> {
  // The program that works inside is bundled too, and lies beside the other programs.
  const program = join(__dirname, 'bench-kernel.cjs');
  const { stdout } = await run('unshare', [...NAMESPACES, process.execPath, program], {
    timeoutMs: TIMEOUT_MS,
  });
  const measured: Measured = JSON.parse(stdout);
  const applies = measured.applies.map(({ name, ours, alone }) =>
    rowOf(`first apply of 1,000 peers, ${name}`, 'ms', median(ours), median(alone), '<= 1.5 x'),
  );
  const [change, look] = [median(measured.change), median(measured.look)];
  const repair = 'drift at 1,000 peers, from the signal to the route';
  return [
    ...applies,
    rowOf('one changed peer of 1,000, plan to route (reference: a look at all)', 'ms', change, look, '<= 20'),
    rowOf(`${repair}, median (reference: a look at all)`, 'ms', median(measured.repairs), look, '<= 100'),
    rowOf(
      `${repair}, worst of ${measured.repairs.length}`,
      'ms',
      Math.max(...measured.repairs),
      look,
      '<= 100',
    ),
  ];
}
