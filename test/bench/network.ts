import type { Row } from './row.ts';
import { benchAgent } from './network-agent.ts';
import { benchKernel } from './network-kernel.ts';
import { benchLeases } from './network-leases.ts';
import { benchTraffic } from './network-traffic.ts';

/** Everything that the network's speed is judged by, one part after the other: each has the machine to itself. */
export async function benchNetwork(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const part of [benchKernel, benchAgent, benchTraffic, benchLeases]) rows.push(...(await part()));
  return rows;
}
