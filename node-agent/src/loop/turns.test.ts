import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPace } from './pace.ts';
import { createTurns } from './turns.ts';

describe('turns', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('come at the earliest wish, and once for many wishes', async () => {
    const at: number[] = [];
    const turns = createTurns(async () => void at.push(performance.now()));
    const start = performance.now();
    turns.wake(500);
    turns.wake(50);
    turns.wake(200);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(at.map((time) => time - start)).toEqual([50]);
  });

  it('never overlap; a wish during one is kept', async () => {
    let running = 0;
    let most = 0;
    let count = 0;
    const turns = createTurns(async () => {
      running += 1;
      most = Math.max(most, running);
      count += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
      running -= 1;
    });
    turns.wake();
    await vi.advanceTimersByTimeAsync(10);
    turns.wake();
    turns.wake();
    await vi.advanceTimersByTimeAsync(500);
    expect([count, most]).toEqual([2, 1]);
    turns.wake();
    await turns.stop();
    await vi.advanceTimersByTimeAsync(500);
    expect(count).toBe(2);
  });
});

describe('the pace', () => {
  it('is quick, slower in a fight but never so slow that a repair takes a second, and quick again after it', () => {
    const pace = createPace();
    for (let i = 0; i < 5; i++) pace.repaired(i * 100);
    expect(pace.delay(500)).toBe(10);
    for (let i = 5; i < 30; i++) pace.repaired(i * 100);
    expect(pace.delay(3_000)).toBe(500);
    pace.repaired(60_000);
    expect(pace.delay(60_000)).toBe(10);
  });

  it('waits for the rest of the echo of a change of our own, and not after it', () => {
    const pace = createPace();
    pace.changed(1_000);
    expect(pace.delay(1_001)).toBe(250);
    expect(pace.delay(1_100)).toBe(10);
  });
});
