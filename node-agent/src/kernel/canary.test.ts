import { start } from '@causeway/shared/programs/start';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchLegacy } from './canary.ts';

vi.mock('@causeway/shared/programs/start', () => ({ start: vi.fn() }));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('goes on, ever more seldom, where its program cannot be started', async () => {
  vi.mocked(start).mockImplementation(() => {
    throw new Error('EAGAIN');
  });
  const reasons: string[] = [];
  const watch = watchLegacy(
    'iptables-legacy-restore',
    () => '*nat',
    (reason) => reasons.push(reason),
  );
  await vi.advanceTimersByTimeAsync(1_000);
  expect(reasons).toEqual(['EAGAIN']);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(reasons.length).toBeGreaterThan(3);
  expect(reasons.length).toBeLessThan(12);
  watch.close();
});
