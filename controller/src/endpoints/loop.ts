import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@causeway/shared/errors';
import type { Store } from '@causeway/shared/store/store';
import type { View } from '../view/view.ts';
import { concerned } from './concerned.ts';
import { nextDeadline } from './resolve.ts';
import { isOvertaken, updatesOf } from './update.ts';
import { eachOf, type WriteLog, write } from './write.ts';

/** Pause before what could not be written is tried again, milliseconds. */
const RETRY_MS = 1_000;
/** How many services are looked at before they are written: a transaction has 128 operations at most, two for each. */
const AT_ONCE = 60;
/** How often those are looked at again of which one had changed, before each is written by itself. */
const REPEATS = 3;
/** How long the change that won may take to come here, milliseconds. */
const WINNER_MS = 1_000;
/** Longest wait for a deadline, milliseconds: the machine's clock may be put forward meanwhile. */
const MAX_WAIT_MS = 60_000;

export interface LoopLog extends WriteLog {
  warn(line: object, message: string): void;
}

export interface EndpointLoop {
  stop(): void;
  /** Resolves when nothing is left to look at. */
  idle(): Promise<void>;
}

/**
 * Keeps every service's endpoints what its references lead to: looks again at the services that a change may
 * concern, and at those of which an endpoint has been drained for long enough, and writes only what differs. A write
 * is guarded by both revisions that it was made from, so of two controllers the one that knows more wins. Because of a
 * key that cannot be read, nothing is taken from a service.
 *
 * @param clock milliseconds since the epoch
 */
export function startEndpointLoop(
  store: Store,
  view: View,
  log: LoopLog,
  clock: () => number = Date.now,
): EndpointLoop {
  const dirty = new Set<string>();
  const deadlines = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let stopped = false;

  async function drain(): Promise<void> {
    let isTold = false;
    while (dirty.size > 0 && !stopped) {
      try {
        await view.whole(RETRY_MS);
        // What cannot be written may stay so for long, and others' deadlines pass meanwhile.
        await settleAll([...dirty]).finally(awaitDeadline);
        isTold = false;
      } catch (error) {
        if (!isTold) log.warn({ reason: messageOf(error) }, 'endpoints wait to be written');
        isTold = true;
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  async function settleAll(names: readonly string[]): Promise<void> {
    const groups: (readonly string[])[] = [];
    for (let first = 0; first < names.length; first += AT_ONCE)
      groups.push(names.slice(first, first + AT_ONCE));
    await eachOf(groups, async (group) => {
      if (!stopped) await settle(group);
      // Whoever asks the API meanwhile does not wait for all of ten thousand.
      await nextTurn();
    });
  }

  async function settle(names: readonly string[]): Promise<void> {
    // Taken out first: a change during the write brings them back.
    for (const name of names) dirty.delete(name);
    try {
      const now = clock();
      for (const name of names) noteDeadline(name, now);
      await writeAll(names);
    } catch (error) {
      for (const name of names) dirty.add(name);
      throw error;
    }
  }

  /** What another controller wrote in the same moment is waited for: then it is seen that nothing is left to write. */
  async function writeAll(names: readonly string[]): Promise<void> {
    let left = names;
    for (let time = 0; time < REPEATS && left.length > 0; time++) {
      const lost = await write(store, updatesOf(view, left, clock()), log);
      if (lost.length === 0) return;
      await view.until(() => lost.some((update) => isOvertaken(view, update)), WINNER_MS);
      left = lost.map(({ set }) => set.service);
    }
    await eachOf(updatesOf(view, left, clock()), (update) => write(store, [update], log));
  }

  function noteDeadline(name: string, now: number): void {
    const spec = view.tables.service.get(name)?.value;
    const next = spec && nextDeadline(spec, view.tables.endpoints.get(name)?.value, now);
    if (next === undefined) deadlines.delete(name);
    else deadlines.set(name, next);
  }

  function look(names: Iterable<string>): void {
    for (const name of names) dirty.add(name);
    if (dirty.size === 0 || stopped) return;
    running ??= drain().finally(() => {
      running = undefined;
      awaitDeadline();
    });
  }

  function awaitDeadline(): void {
    clearTimeout(timer);
    if (deadlines.size === 0 || stopped) return;
    let next = Number.POSITIVE_INFINITY;
    for (const until of deadlines.values()) next = Math.min(next, until);
    const wait = Math.min(Math.max(next - clock(), 0), MAX_WAIT_MS);
    timer = setTimeout(() => {
      const now = clock();
      const over = [...deadlines].filter(([, until]) => until <= now).map(([name]) => name);
      if (over.length === 0) awaitDeadline();
      else look(over);
    }, wait).unref();
  }

  const unsubscribe = view.subscribe((batch) => look(concerned(batch.changes, view)));
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      unsubscribe();
    },
    idle: async () => {
      while (running !== undefined) await running;
    },
  };
}
