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
  /** What it waits for is not this time. */
  readonly held?: true;
  /** Why its last start did not succeed. */
  readonly reason?: string;
}

/** Remembers when containers were started and how often they failed. The clock is an input. */
export interface Restarts {
  /** A definition is about to be tried: the failures of another one are forgotten. */
  tries(name: string, definition: string): void;
  /** @returns milliseconds to wait before the next start, 0 when it may start at once */
  ended(name: string, now: number): number;
  started(name: string, now: number): void;
  /** It runs, also after a start that was taken for failed: no start of it is due. */
  runs(name: string, now: number): void;
  /** It cannot be started before something else happens, of which somebody else tells. */
  holds(name: string): void;
  /** A start that did not succeed, for a reason that is told while it waits. @returns milliseconds to wait */
  failed(name: string, now: number, reason?: string): number;
  /** Somebody else keeps it from starting for now, which is no failure of its own. It is tried again soon. */
  refused(name: string, now: number, reason: string): void;
  /** Why its last start did not succeed; undefined: it did. */
  reason(name: string): string | undefined;
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
  const definitions = new Map<string, string>();
  const fail = (name: string, now: number, reason?: string): number => {
    const failures = (counts.get(name)?.failures ?? 0) + 1;
    const wait = Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), LONGEST_DELAY_MS);
    const count = { failures, startedAt: undefined, notBefore: now + wait };
    counts.set(name, reason === undefined ? count : { ...count, reason });
    return wait;
  };
  return {
    tries(name, definition) {
      if (definitions.get(name) !== definition) counts.delete(name);
      definitions.set(name, definition);
    },
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
    holds(name) {
      const count = counts.get(name);
      if (count !== undefined) counts.set(name, { ...count, held: true });
    },
    failed: fail,
    refused: (name, now, reason) => {
      const failures = counts.get(name)?.failures ?? 0;
      counts.set(name, { failures, startedAt: undefined, notBefore: now + FIRST_DELAY_MS, reason });
    },
    reason: (name) => counts.get(name)?.reason,
    failures: (name) => counts.get(name)?.failures ?? 0,
    forget(name) {
      for (const known of [counts, definitions]) known.delete(name);
    },
    keepOnly(names) {
      for (const known of [counts, definitions])
        for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    },
    due: (now) =>
      [...counts.values()].some(
        ({ startedAt, notBefore, held }) => startedAt === undefined && notBefore <= now && held !== true,
      ),
  };
}
