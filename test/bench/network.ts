import { benchTraffic } from './network-traffic.ts';
import type { Row } from './row.ts';

/** Everything that the network's speed is judged by, one part after the other: each has the machine to itself. */
export async function benchNetwork(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const part of [benchTraffic]) rows.push(...(await part()));
  return rows;
}
