import { join } from 'node:path';
import { createLab } from '@causeway/lab/lab';
import type { Many } from './containers-inside.ts';
import { benchContainersPolicies } from './containers-policies.ts';
import { type Inside, openInside } from './inside.ts';
import { median, type Row, rowOf } from './row.ts';

const ROUNDS = 15;
const MANY = 200;

/** What containers cost on one host of a lab, from the request to the API on, and what their policies cost. */
export async function benchContainers(): Promise<Row[]> {
  return [...(await benchContainersStart()), ...(await benchContainersPolicies())];
}

/** Starting and attaching alone. */
export async function benchContainersStart(): Promise<Row[]> {
  const lab = await createLab({ name: 'bench', hosts: 1, network: '10.10.0.0/16' });
  // The program that works inside is bundled too, and lies beside the other programs.
  const inside = openInside(lab.spawn('host-1', [process.execPath, join(__dirname, 'bench-containers.cjs')]));
  try {
    await inside.ask('prepare');
    return [...(await oneAtATime(inside)), ...(await atOnce(inside))];
  } finally {
    inside.close();
    await lab.down();
  }
}

/** Each figure and its reference in turns, in the same run. */
async function oneAtATime(inside: Inside): Promise<Row[]> {
  const took = { runc: [] as number[], start: [] as number[], attach: [] as number[] };
  const tasks = ['runc', 'start', 'attach'] as const;
  // The first of each only warms up.
  for (let round = 0; round <= ROUNDS; round++)
    for (const task of tasks) {
      const ms = await inside.ask<number>(task);
      if (round > 0) took[task].push(ms);
    }
  const [runc, start, attach] = tasks.map((task) => median(took[task])) as [number, number, number];
  return [
    rowOf(
      'start, from the request to an answered ping (reference: runc run alone)',
      'ms',
      start,
      runc,
      '<= 2 x',
    ),
    rowOf(
      'attach, from the request to an answered ping (reference: runc run alone)',
      'ms',
      attach,
      runc,
      '<= 60',
    ),
  ];
}

async function atOnce(inside: Inside): Promise<Row[]> {
  const { ours, runc, bytesEach, imageBytes } = await inside.ask<Many>('many', MANY);
  return [
    rowOf(
      `${MANY} containers on one host (reference: runc run serially / processors)`,
      'ms',
      ours,
      runc,
      '<= 3 x',
    ),
    rowOf('one more container of an image (reference: the image)', 'bytes', bytesEach, imageBytes, 'none'),
  ];
}
