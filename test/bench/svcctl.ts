import { join } from 'node:path';
import { run } from '@causeway/shared/programs/run';
import { median, type Row, rowOf } from './row.ts';

const ROUNDS = 20;

/** How long svcctl takes to start and end without asking anybody, beside a node that does nothing. */
export async function benchSvcctl(): Promise<Row[]> {
  // The bench is bundled too, and lies beside the other programs.
  const bundle = join(__dirname, 'svcctl.cjs');
  const commands = { svcctl: [bundle, 'version', '--client'], node: ['-e', '0'] };
  const times: Record<keyof typeof commands, number[]> = { svcctl: [], node: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ['svcctl', 'node'] as const) times[name].push(await timed(commands[name]));
  }
  return [
    rowOf(
      'svcctl start to end (reference: node -e 0)',
      'ms',
      median(times.svcctl),
      median(times.node),
      '<= 150',
    ),
  ];
}

async function timed(args: readonly string[]): Promise<number> {
  const started = performance.now();
  await run(process.execPath, args);
  return performance.now() - started;
}
