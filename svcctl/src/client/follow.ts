import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@causeway/shared/errors';
import type { Client } from './client.ts';
import type { ServerEvent } from './events.ts';

export interface Change<T> {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly object: T;
}

export interface Follower<T> {
  readonly path: string;
  readonly keyOf: (object: T) => string;
  readonly onChange: (change: Change<T>) => void;
  /** Everything that exists has been delivered; called again after each lost connection. */
  readonly onSynced?: () => void;
  /** The connection was lost, and will be tried again. */
  readonly onRetry?: (reason: string) => void;
  readonly signal: AbortSignal;
}

const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5_000;

/**
 * Delivers every object of a list and every change after it, until `signal` aborts. After a lost connection the
 * controller tells everything anew, and what differs from before is delivered, deletions too.
 * @throws CausewayError when the first connection fails; later failures are retried
 */
export async function follow<T>(client: Client, follower: Follower<T>): Promise<void> {
  const { signal } = follower;
  const known: Known<T> = new Map();
  let connectedOnce = false;
  let pause = FIRST_RETRY_MS;
  while (!signal.aborted) {
    try {
      const reason = await followOnce(client, follower, known, () => {
        connectedOnce = true;
        pause = FIRST_RETRY_MS;
      });
      if (!signal.aborted) follower.onRetry?.(reason);
    } catch (error) {
      if (signal.aborted) return;
      if (!connectedOnce) throw error;
      follower.onRetry?.(messageOf(error));
    }
    await sleep(pause, undefined, { signal }).catch(() => {});
    pause = Math.min(pause * 2, LAST_RETRY_MS);
  }
}

/** What was delivered, by key. */
type Known<T> = Map<string, { readonly text: string; readonly object: T }>;

/** @returns why the stream ended */
async function followOnce<T>(
  client: Client,
  follower: Follower<T>,
  known: Known<T>,
  onConnected: () => void,
): Promise<string> {
  let end: (reason: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  const close = await client.watch(follower.path, { onEvent: receiver(follower, known), onEnd: end });
  onConnected();
  const stop = (): void => {
    close();
    end('stopped');
  };
  follower.signal.addEventListener('abort', stop, { once: true });
  if (follower.signal.aborted) stop();
  try {
    return await ended;
  } finally {
    follower.signal.removeEventListener('abort', stop);
    close();
  }
}

/** Takes one connection's events: first everything as `added`, then `synced`, then the changes. */
function receiver<T>(follower: Follower<T>, known: Known<T>): (event: ServerEvent) => void {
  const told = new Set<string>();
  return ({ event, data }) => {
    if (follower.signal.aborted) return;
    if (event === 'synced') {
      // What is not told any more has gone while nobody listened.
      const gone = [...known].filter(([key]) => !told.has(key)).map(([, { object }]) => object);
      for (const object of gone) take({ type: 'deleted', object }, follower, known);
      follower.onSynced?.();
    }
    if (event !== 'added' && event !== 'modified' && event !== 'deleted') return;
    const object = parse<T>(data);
    if (object === undefined) return;
    told.add(follower.keyOf(object));
    take({ type: event, object }, follower, known);
  };
}

/** Passes on what differs from what is known, under the type that this makes it. */
function take<T>(change: Change<T>, follower: Follower<T>, known: Known<T>): void {
  const key = follower.keyOf(change.object);
  const before = known.get(key);
  if (change.type === 'deleted') {
    if (!known.delete(key)) return;
    follower.onChange(change);
    return;
  }
  const text = JSON.stringify(change.object);
  if (before?.text === text) return;
  known.set(key, { text, object: change.object });
  follower.onChange({ type: before === undefined ? 'added' : 'modified', object: change.object });
}

/** One unreadable event is skipped; it takes nothing else with it. */
function parse<T>(data: string): T | undefined {
  try {
    return JSON.parse(data) as T;
  } catch {
    return undefined;
  }
}
