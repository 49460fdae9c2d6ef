import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@causeway/shared/errors';
import type { Store } from '@causeway/shared/store/store';
import { eachOf } from '../endpoints/write.ts';
import type { View } from '../view/view.ts';
import { concernedPolicies } from './concerned.ts';
import { peersUpdate } from './update.ts';

/** Pause before what could not be written is tried again, milliseconds. */
const RETRY_MS = 1_000;

export interface PolicyLog {
  debug(line: object, message: string): void;
  warn(line: object, message: string): void;
}

export interface PolicyLoop {
  stop(): void;
  /** Resolves when nothing is left to look at. */
  idle(): Promise<void>;
}

/**
 * Keeps whom each policy's rules mean what their names and labels lead to: looks again at the policies that a change may
 * concern, and writes only what differs. A write is guarded by what it was made from; the change that wins a race is on
 * its way here, and brings the policy back.
 */
export function startPolicyLoop(store: Store, view: View, log: PolicyLog): PolicyLoop {
  const dirty = new Set<string>();
  let running: Promise<void> | undefined;
  let stopped = false;

  async function settle(name: string): Promise<void> {
    // Taken out first: a change during the write brings it back.
    dirty.delete(name);
    const update = peersUpdate(view, name);
    if (update === undefined || stopped) return;
    try {
      const { ok } = await store.transaction(update.guards, update.writes);
      log.debug({ policy: name, written: ok }, 'peers resolved');
    } catch (error) {
      dirty.add(name);
      throw error;
    }
  }
  async function drain(): Promise<void> {
    let isTold = false;
    while (dirty.size > 0 && !stopped) {
      try {
        await view.whole(RETRY_MS);
        await eachOf([...dirty], settle);
        isTold = false;
      } catch (error) {
        if (!isTold) log.warn({ reason: messageOf(error) }, "policies' peers wait to be written");
        isTold = true;
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  const unsubscribe = view.subscribe(({ changes }) => {
    for (const name of concernedPolicies(changes, view)) dirty.add(name);
    if (dirty.size === 0 || stopped) return;
    running ??= drain().finally(() => {
      running = undefined;
    });
  });
  return {
    stop: () => {
      stopped = true;
      unsubscribe();
    },
    idle: async () => {
      while (running !== undefined) await running;
    },
  };
}
