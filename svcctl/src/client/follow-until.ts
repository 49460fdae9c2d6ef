import type { Client } from './client.ts';
import { follow } from './follow.ts';

/** How a command waits. */
export interface Patience {
  readonly timeoutMs: number;
  readonly onNote: (sentence: string) => void;
}

export interface Until<T> extends Patience {
  readonly path: string;
  readonly keyOf: (object: T) => string;
  /** Handed all objects after each change; asked no more once the waiting is over. */
  readonly look: (all: ReadonlyMap<string, T>) => void;
  /** Asked after each look at which everything that exists has been delivered. */
  readonly isDone: () => boolean;
}

/**
 * Follows a list until it is as wanted, or until the time is over.
 * @returns `done`: it was as wanted; `late`: it was not; `untold`: the controller never told all of it
 */
export async function followUntil<T>(client: Client, until: Until<T>): Promise<'done' | 'late' | 'untold'> {
  const all = new Map<string, T>();
  const over = new AbortController();
  let synced = false;
  let done = false;
  const settle = () => {
    if (over.signal.aborted) return;
    until.look(all);
    done = synced && until.isDone();
    if (done) over.abort();
  };
  const timer = setTimeout(() => over.abort(), until.timeoutMs);
  try {
    await follow<T>(client, {
      path: until.path,
      keyOf: until.keyOf,
      onChange: ({ type, object }) => {
        if (type === 'deleted') all.delete(until.keyOf(object));
        else all.set(until.keyOf(object), object);
        settle();
      },
      onSynced: () => {
        synced = true;
        settle();
      },
      onRetry: until.onNote,
      signal: over.signal,
    });
  } finally {
    clearTimeout(timer);
  }
  if (done) return 'done';
  return synced ? 'late' : 'untold';
}
