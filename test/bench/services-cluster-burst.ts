import { setTimeout as sleep } from 'node:timers/promises';
import { median, type Row, rowOf } from './row.ts';
import { type Api, openApi } from './services-cluster-api.ts';
import type { FollowedHosts } from './services-cluster-model.ts';
import { inputOf, nameOf } from './services-cluster-services.ts';
import type { ServicesWorld } from './services-cluster-world.ts';

const CHANGES = 1_000;
/** Each of half as many services moves twice, so that a change may overtake, and be overtaken. */
const SERVICES = CHANGES / 2;
const BURSTS = 3;
/** Requests at a time. */
const CONNECTIONS = 16;
const REST_MS = 3_000;
const MOST_MS = 2_000;

interface Burst {
  /** From the first request to the last answer, and from there to the last kernel, milliseconds. */
  readonly answeredMs: number;
  readonly afterMs: number;
  /** Of the host with the most. */
  readonly transactions: number;
}

/** Both endpoints of many services move, as fast as the API takes it. */
export async function benchBurst(world: ServicesWorld, hosts: FollowedHosts): Promise<Row[]> {
  const api = openApi(world.lab, CONNECTIONS);
  const bursts: Burst[] = [];
  for (let turn = 0; turn < BURSTS; turn++) {
    await sleep(REST_MS);
    bursts.push(await burst(world, hosts, api, turn));
  }
  api.close();
  return rowsOf(world, hosts, bursts);
}

async function burst(
  { services }: ServicesWorld,
  hosts: FollowedHosts,
  api: Api,
  turn: number,
): Promise<Burst> {
  const before = hosts.transactions();
  const stride = services / SERVICES;
  const changes = Array.from({ length: CHANGES }, (_, n) => {
    const version = 1 + 2 * turn + Math.floor(n / SERVICES);
    return { i: stride * (n % SERVICES), versions: [version, version] as const };
  });
  const held = changes.map(({ i, versions }) => hosts.expect(i, versions));
  const next = changes.values();
  const startedAt = performance.now();
  const work = async () => {
    for (const { i, versions } of next)
      await api.ask('PUT', `/v1/services/${nameOf(i)}`, inputOf(i, versions));
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  const answeredAt = performance.now();
  // What a later change has overtaken never is in the kernel.
  const last = Math.max(...(await Promise.all(held.slice(-SERVICES))));
  return {
    answeredMs: answeredAt - startedAt,
    afterMs: Math.max(0, last - answeredAt),
    transactions: Math.max(...hosts.transactions().map((count, host) => count - (before[host] ?? 0))),
  };
}

function rowsOf({ services }: ServicesWorld, hosts: FollowedHosts, bursts: readonly Burst[]): Row[] {
  const of = (pick: (burst: Burst) => number) => median(bursts.map(pick));
  const answered = of((burst) => burst.answeredMs);
  const name = `a burst of ${CHANGES} changes, ${services} services:`;
  if (hosts.wrong.length > 0) console.error(hosts.wrong.slice(0, 10).join('\n'));
  return [
    rowOf(
      `${name} last answer to the last of 3 kernels (reference: first request to last answer)`,
      'ms',
      of((burst) => burst.afterMs),
      answered,
      `<= ${MOST_MS}`,
    ),
    rowOf(
      `${name} first request to the last of 3 kernels (reference: to the last answer)`,
      'ms',
      of((burst) => burst.answeredMs + burst.afterMs),
      answered,
      'none',
    ),
    rowOf(
      `${name} transactions of a kernel (reference: changes)`,
      'count',
      of((burst) => burst.transactions),
      CHANGES,
      'none',
    ),
    rowOf(
      'states of services in kernels that the model never had (reference: states seen)',
      'count',
      hosts.wrong.length,
      hosts.looked,
      '<= 0',
    ),
  ];
}
