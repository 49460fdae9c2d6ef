/** Waits between starts of a container that keeps ending, milliseconds: 1, 2, 4 … 60 s. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
/** One that ran this long was well: its next end starts the count anew. */
const WELL_AFTER_MS = 10_000;

interface Count {
  readonly failures: number;
  /** Undefined: not started, or seen dead since. */
  readonly startedAt: number | undefined;
  /** Not to be started before this time. */
  readonly notBefore: number;
}

/** Remembers when containers were started and how often they failed. The clock is an input. */
export interface Restarts {
  /** @returns milliseconds to wait before the next start, 0 when it may start at once */
  ended(name: string, now: number): number;
  started(name: string, now: number): void;
  /** It runs, also after a start that was taken for failed: no start of it is due. */
  runs(name: string, now: number): void;
  /** A start that did not succeed. @returns milliseconds to wait */
  failed(name: string, now: number): number;
  failures(name: string): number;
  /** Forgets a container: it is gone, or is another one. */
  forget(name: string): void;
  /** Forgets all others, also those of which nothing was ever made. */
  keepOnly(names: ReadonlySet<string>): void;
  /** Whether a delayed start is due. */
  due(now: number): boolean;
}

export function createRestarts(): Restarts {
  const counts = new Map<string, Count>();
  const fail = (name: string, now: number): number => {
    const failures = (counts.get(name)?.failures ?? 0) + 1;
    const wait = Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), LONGEST_DELAY_MS);
    counts.set(name, { failures, startedAt: undefined, notBefore: now + wait });
    return wait;
  };
  return {
    ended(name, now) {
      const count = counts.get(name);
      if (count === undefined) return 0;
      if (count.startedAt === undefined) return Math.max(0, count.notBefore - now);
      if (now - count.startedAt < WELL_AFTER_MS) return fail(name, now);
      counts.delete(name);
      return 0;
    },
    started(name, now) {
      counts.set(name, { failures: counts.get(name)?.failures ?? 0, startedAt: now, notBefore: now });
    },
    runs(name, now) {
      const count = counts.get(name);
      if (count !== undefined && count.startedAt === undefined)
        counts.set(name, { ...count, startedAt: now, notBefore: now });
    },
    failed: fail,
    failures: (name) => counts.get(name)?.failures ?? 0,
    forget: (name) => void counts.delete(name),
    keepOnly(names) {
      for (const name of counts.keys()) if (!names.has(name)) counts.delete(name);
    },
    due: (now) =>
      [...counts.values()].some(({ startedAt, notBefore }) => startedAt === undefined && notBefore <= now),
  };
}
