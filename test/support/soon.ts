import { expect } from 'vitest';

/** How often something may be late before it counts as slow. */
const GOES = 3;
/** How long a test waits for what must happen at some time: no more than a ceiling. */
const PATIENCE_MS = 60_000;

/**
 * Does something whose consequence must come within a time; again, when it came late, a few times. A busy machine is
 * late once, what is slow is late each time, and what does not come at all fails at the first go.
 *
 * @param go resolves when the consequence is there, with the milliseconds that it took; `turn` counts from 0
 */
export async function isSoon(limitMs: number, go: (turn: number) => Promise<number>): Promise<void> {
  const took: number[] = [];
  do took.push(await go(took.length));
  while (Math.min(...took) >= limitMs && took.length < GOES);
  expect(Math.min(...took), `it took ${took.map(Math.round).join(', ')} ms`).toBeLessThan(limitMs);
}

/**
 * Waits until something is as it was.
 *
 * @returns milliseconds until the look began that found it so: on a busy machine it is looking that takes long
 */
export async function comesBack<T>(look: () => Promise<T>, whole: T): Promise<number> {
  const since = performance.now();
  let began = since;
  const looking = () => {
    began = performance.now();
    return look();
  };
  await expect.poll(looking, { timeout: PATIENCE_MS, interval: 10 }).toEqual(whole);
  return began - since;
}
