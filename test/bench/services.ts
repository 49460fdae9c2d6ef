import type { Row } from './row.ts';
import { benchServicesAgent } from './services-agent.ts';
import { benchServicesCluster } from './services-cluster.ts';
import { benchServicesKernel } from './services-kernel.ts';

const PARTS = [benchServicesKernel, benchServicesAgent, benchServicesCluster];

/** Everything that the services' speed is judged by, one part after the other: each has the machine to itself. */
export async function benchServices(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const part of PARTS) rows.push(...(await part()));
  return rows;
}
