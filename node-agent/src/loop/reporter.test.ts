import type { NodeReport } from '@causeway/shared/model/node';
import { keys } from '@causeway/shared/store/keys';
import type { LeaseHandle } from '@causeway/shared/store/store';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeStore, fakeStore } from '../../../test/support/fake-store.ts';
import { createLogger } from '../logger.ts';
import { createReporter, type Reporter } from './reporter.ts';

const REPORT: NodeReport = {
  ...{ name: 'host-1', servicesRevision: 5, networkRevision: 7, appliedInMs: 3, at: '2026-01-01T00:00:00Z' },
  ...{ peersWanted: 1, peersInstalled: 1, peers: [], problems: [], repairs: 0 },
};
const LEASE: LeaseHandle = {
  ...{ id: '1', remainingMs: () => 1, onLost: () => undefined, release: () => undefined },
  revoke: async () => undefined,
};

let store: FakeStore;
let reporter: Reporter;

const written = (): NodeReport | undefined => JSON.parse(store.dump()[keys.report('host-1')] ?? 'null');
/** Time goes by until a report like this is in etcd. @returns milliseconds */
async function until(part: Partial<NodeReport>): Promise<number> {
  const from = performance.now();
  while (!isLike(written(), part)) {
    if (performance.now() - from > 10_000) throw new Error('it is never written');
    await vi.advanceTimersByTimeAsync(10);
  }
  return performance.now() - from;
}
function isLike(report: NodeReport | undefined, part: Partial<NodeReport>): boolean {
  return report !== undefined && JSON.stringify({ ...report, ...part }) === JSON.stringify(report);
}

beforeEach(async () => {
  const timers = ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] as const;
  vi.useFakeTimers({ toFake: [...timers, 'performance', 'Date'] });
  store = fakeStore();
  const log = createLogger('silent', 'host-1');
  reporter = createReporter({ store, lease: () => LEASE, log, random: () => 0.5 });
  reporter.report(REPORT);
  expect(await until({ networkRevision: 7 })).toBeLessThan(50);
});
afterEach(async () => {
  await reporter.stop();
  vi.useRealTimers();
});

describe('a report', () => {
  it('of other services is written at once', async () => {
    reporter.report({ ...REPORT, networkRevision: 8 });
    reporter.report({ ...REPORT, networkRevision: 8, servicesRevision: 6 });
    expect(await until({ servicesRevision: 6 })).toBeLessThan(50);
    expect(store.written).toBe(2);
  });

  it('of the network alone waits for the next second, and many of them are one', async () => {
    for (let revision = 8; revision <= 40; revision++) {
      reporter.report({ ...REPORT, networkRevision: revision });
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(store.written).toBe(1);
    await until({ networkRevision: 40 });
    expect(store.written).toBe(2);
  });

  it('comes at another moment than other hosts’, also after a long silence', async () => {
    await vi.advanceTimersByTimeAsync(60_000);
    reporter.report({ ...REPORT, networkRevision: 8 });
    const ms = await until({ networkRevision: 8 });
    expect([ms >= 240, ms <= 300]).toEqual([true, true]);
  });

  it('that says the same is not written again, but when it is asked for', async () => {
    reporter.report({ ...REPORT, at: '2027-01-01T00:00:00Z', appliedInMs: 9 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(store.written).toBe(1);
    reporter.again();
    await vi.advanceTimersByTimeAsync(50);
    expect([store.written, written()?.appliedInMs]).toEqual([2, 9]);
  });

  it('that somebody removed or spoilt is written again when it is verified', async () => {
    store.put(keys.report('host-1'), 'x');
    reporter.verify();
    await vi.advanceTimersByTimeAsync(100);
    expect(written()).toEqual(REPORT);
  });

  it('is written when etcd is back', async () => {
    store.fail('gone');
    reporter.report({ ...REPORT, servicesRevision: 6 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(written()?.servicesRevision).toBe(5);
    store.recover();
    expect(await until({ servicesRevision: 6 })).toBeLessThan(1_100);
  });

  it('waits as long when the wall clock is stepped', async () => {
    vi.setSystemTime(Date.now() - 3_600_000);
    reporter.report({ ...REPORT, networkRevision: 8 });
    const ms = await until({ networkRevision: 8 });
    expect([ms >= 1_000, ms <= 1_300]).toEqual([true, true]);
  });
});
