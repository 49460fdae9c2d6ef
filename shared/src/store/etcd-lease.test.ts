import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { holdLease } from './etcd-lease.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** @param answers one for each renewal: the time to live, or an error; the last one repeats */
function hold(ttlSeconds: number, answers: readonly (number | Error)[], answerAfterMs = 0) {
  const renewals: number[] = [];
  const revoke = vi.fn(async () => {});
  const ended = vi.fn();
  const handle = holdLease('7', ttlSeconds, 0, {
    keepAliveOnce: async () => {
      const answer = answers[Math.min(renewals.length, answers.length - 1)] ?? 0;
      renewals.push(Date.now());
      if (answerAfterMs > 0) await new Promise((resolve) => setTimeout(resolve, answerAfterMs));
      if (answer instanceof Error) throw answer;
      return answer;
    },
    revoke,
    now: () => Date.now(),
    ended,
  });
  const lost: { at: number; reason: string }[] = [];
  handle.onLost((reason) => lost.push({ at: Date.now(), reason }));
  return { handle, renewals, lost, revoke, ended };
}

it('renews at a third of its time to live, and at least every minute', async () => {
  const short = hold(9, [9]);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(short.renewals).toEqual([3_000, 6_000, 9_000]);
  expect(short.lost).toEqual([]);
  const long = hold(86_400, [86_400]);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(long.renewals).toHaveLength(2);
});

it('counts from before the request that renewed it', async () => {
  const { handle } = hold(9, [9], 500);
  await vi.advanceTimersByTimeAsync(3_500);
  expect(handle.remainingMs()).toBe(8_500);
});

it('goes by the time to live that etcd granted, which may be another than asked for', async () => {
  const { handle } = hold(9, [20]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(handle.remainingMs()).toBe(20_000);
});

it('tries again soon after a failure, and is lost exactly when it runs out', async () => {
  const { handle, renewals, lost, ended } = hold(10, [new Error('no route')]);
  await vi.advanceTimersByTimeAsync(9_999);
  expect(lost).toEqual([]);
  expect(renewals.length).toBeGreaterThan(10);
  await vi.advanceTimersByTimeAsync(1);
  expect(lost).toEqual([{ at: 10_000, reason: 'the lease ran out after 10 s without renewal: no route' }]);
  expect(handle.remainingMs()).toBe(0);
  expect(ended).toHaveBeenCalledOnce();
  const tried = renewals.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(renewals).toHaveLength(tried);
  expect(lost).toHaveLength(1);
});

it('may be longer than a timer can be', async () => {
  const DAY = 86_400;
  const lost = vi.fn();
  const silent = new Promise<number>(() => {});
  const deps = { keepAliveOnce: () => silent, revoke: async () => {}, now: Date.now, ended: () => {} };
  holdLease('7', 60 * DAY, 0, deps).onLost(lost);
  await vi.advanceTimersByTimeAsync(60 * DAY * 1000 - 1);
  expect(lost).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(lost).toHaveBeenCalledOnce();
});

it('is kept when a renewal succeeds after failures', async () => {
  const { lost } = hold(10, [new Error('x'), new Error('x'), 10]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lost).toEqual([]);
});

it('is lost at once when etcd does not know it any more', async () => {
  const { lost } = hold(10, [0]);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(lost).toHaveLength(1);
  expect(lost[0]?.reason).toContain('expired or was revoked');
});

it('stays lost when the answer to a renewal comes too late', async () => {
  const { handle, lost } = hold(2, [2], 5_000);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(lost.map(({ at }) => at)).toEqual([2_000]);
  expect(handle.remainingMs()).toBeLessThanOrEqual(0);
});

it('released, it is neither renewed nor reported as lost', async () => {
  const { handle, renewals, lost } = hold(9, [9]);
  handle.release();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(renewals).toEqual([]);
  expect(lost).toEqual([]);
});

it('revoked, it is over at once and no loss', async () => {
  const { handle, lost, revoke } = hold(9, [9]);
  await handle.revoke();
  expect(revoke).toHaveBeenCalledWith('7');
  expect(handle.remainingMs()).toBe(0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lost).toEqual([]);
});
