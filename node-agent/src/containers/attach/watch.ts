import type { AttachTarget } from '@causeway/shared/model/container';
import { type Engines, type Former, isThere, seek } from './seek.ts';

/** Between looks, milliseconds: the end of a container of others is seen within this time. */
const LOOK_EVERY_MS = 250;
/** Between questions to an engine whether one that has ended runs again, in looks. */
const ASK_EVERY = 4;

/** Looks out for what becomes of containers of others, which tell us nothing themselves. */
export interface AttachWatch {
  /** It is attached: its end is waited for. */
  lives(name: string, former: Former): void;
  /** It does not run: waits until it runs again. */
  waits(name: string, target: AttachTarget): void;
  forget(name: string): void;
  /** Forgets all others. */
  keepOnly(names: ReadonlySet<string>): void;
  /** @returns stops it */
  onNeed(listener: () => void): () => void;
}

export function createAttachWatch(engines: Engines): AttachWatch {
  const living = new Map<string, Former>();
  const waiting = new Map<string, AttachTarget>();

  async function isNeeded(round: number): Promise<boolean> {
    let needed = false;
    for (const [name, former] of living) {
      if (await isThere(former)) continue;
      needed = living.delete(name);
    }
    if (round % ASK_EVERY !== 0) return needed;
    for (const [name, target] of waiting) {
      const found = await seek(target, undefined, engines).catch(() => undefined);
      if (found !== undefined) needed = waiting.delete(name);
    }
    return needed;
  }
  return {
    lives: (name, former) => {
      waiting.delete(name);
      living.set(name, former);
    },
    waits: (name, target) => {
      living.delete(name);
      waiting.set(name, target);
    },
    forget: (name) => {
      living.delete(name);
      waiting.delete(name);
    },
    keepOnly: (names) => {
      for (const known of [living, waiting])
        for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    },
    onNeed: (listener) => {
      let round = 0;
      let busy = false;
      const timer = setInterval(async () => {
        if (busy || (living.size === 0 && waiting.size === 0)) return;
        busy = true;
        if (await isNeeded(round++)) listener();
        busy = false;
      }, LOOK_EVERY_MS);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}
