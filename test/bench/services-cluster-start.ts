import { createInterface } from 'node:readline';
import type { Lab } from '@causeway/lab/lab';
import { median, type Row, rowOf } from './row.ts';
import type { ServicesWorld } from './services-cluster-world.ts';
import { type BareHost, startOn } from './services-start.ts';

/**
 * An agent starts on each host of the lab in turn, and nft alone does the same in between. No bar: a lab's user namespace
 * takes so many rules in dozens of parts only.
 */
export async function benchStart({ lab, services, beside }: ServicesWorld): Promise<Row[]> {
  const ours: number[] = [];
  const alone: number[] = [];
  for (const name of lab.hosts) {
    ours.push(await startOn(hostOf(lab, name), services));
    alone.push(await beside.ask<number>('full', services));
  }
  const name = `agent in a lab, in parts: start to all of ${services} services x 2 endpoints (reference: nft -f alone)`;
  return [rowOf(name, 'ms', median(ours), median(alone), 'none')];
}

function hostOf(lab: Lab, name: string): BareHost {
  return {
    name,
    spawn: (argv, onLine) => {
      const child = lab.spawn(name, argv);
      child.stderr.on('data', (chunk) => console.error(`${argv[0]} on ${name}: ${chunk}`));
      createInterface({ input: child.stdout }).on('line', onLine);
      return () => child.kill('SIGKILL');
    },
    sh: async (script) => (await lab.exec(name, ['sh', '-c', script])).stdout,
    startAgent: () => lab.startAgent(name),
  };
}
