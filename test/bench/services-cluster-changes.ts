import { setTimeout as sleep } from 'node:timers/promises';
import { median, percentile, type Row, rowOf } from './row.ts';
import { type Api, openApi } from './services-cluster-api.ts';
import type { FollowedHosts } from './services-cluster-model.ts';
import { inputOf, nameOf, refOf } from './services-cluster-services.ts';
import type { ServicesWorld } from './services-cluster-world.ts';

const CHANGES = 240;
/** The first ones only warm up. */
const WARM = 20;
/** Between two changes, so that each finds the cluster at rest, milliseconds. */
const REST_MS = 60;
/** So often nft alone makes such a change, too. */
const ALONE_EVERY = 8;
/** Every other service of those that change, spread over all. */
const STRIDE = 37;
const MOST_MS = { p50: 30, p99: 100 };

interface Figures {
  /** The API's answer, and the last kernel after it, milliseconds. */
  readonly api: number[];
  readonly kernels: number[];
  readonly alone: number[];
}

/** One endpoint of one service changes at a time: it moves (PUT), or gets another weight (PATCH). */
export async function benchChanges(world: ServicesWorld, hosts: FollowedHosts): Promise<Row[]> {
  const api = openApi(world.lab, 1);
  const found: Figures = { api: [], kernels: [], alone: [] };
  for (let turn = -WARM; turn < CHANGES; turn++) {
    const { apiMs, kernelsMs } = await change(world, hosts, api, turn);
    await sleep(REST_MS);
    if (turn < 0) continue;
    found.api.push(apiMs);
    found.kernels.push(kernelsMs);
    if (turn % ALONE_EVERY === 0) found.alone.push(await world.beside.ask<number>('change', world.services));
  }
  api.close();
  return rowsOf(world, found);
}

async function change({ services }: ServicesWorld, hosts: FollowedHosts, api: Api, turn: number) {
  const i = (STRIDE * (turn + WARM)) % services;
  const weighs = turn % 3 === 0;
  const held = weighs ? hosts.expect(i, [0, 0], [2, 1]) : hosts.expect(i, [1, 0]);
  const path = `/v1/services/${nameOf(i)}`;
  const askedAt = performance.now();
  if (weighs) await api.ask('PATCH', `${path}/endpoints/${refOf(i, 0, 0)}`, { weight: 2 });
  else await api.ask('PUT', path, inputOf(i, [1, 0]));
  const answeredAt = performance.now();
  // A kernel may be there before the answer.
  const kernelsMs = Math.max(0, (await held) - answeredAt);
  return { apiMs: answeredAt - askedAt, kernelsMs };
}

function rowsOf({ services }: ServicesWorld, { api, kernels, alone }: Figures): Row[] {
  const name = `one endpoint changed, ${services} services:`;
  const p99 = (values: readonly number[]) => percentile(values, 0.99);
  const whole = kernels.map((ms, n) => ms + (api[n] ?? 0));
  const [p50Alone, p99Alone] = [median(alone), p99(alone)];
  const part = '(reference: nft alone)';
  return [
    rowOf(
      `${name} API's answer to the last of 3 kernels, p50 ${part}`,
      'ms',
      median(kernels),
      p50Alone,
      `<= ${MOST_MS.p50}`,
    ),
    rowOf(
      `${name} API's answer to the last of 3 kernels, p99 ${part}`,
      'ms',
      p99(kernels),
      p99Alone,
      `<= ${MOST_MS.p99}`,
    ),
    rowOf(`${name} the API's call itself, p50 ${part}`, 'ms', median(api), p50Alone, 'none'),
    rowOf(`${name} the API's call itself, p99 ${part}`, 'ms', p99(api), p99Alone, 'none'),
    rowOf(`${name} both, p50 ${part}`, 'ms', median(whole), p50Alone, 'none'),
    rowOf(`${name} both, p99 ${part}`, 'ms', p99(whole), p99Alone, 'none'),
  ];
}
