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
  /** Everything that existed when the list was read has been delivered. */
  readonly onSynced?: () => void;
  /** The connection was lost, and will be tried again. */
  readonly onRetry?: (reason: string) => void;
  readonly signal: AbortSignal;
}

const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5_000;

/**
 * Delivers a list and every change after it, until `signal` aborts. The stream is opened before the list is
 * read, so nothing falls between the two; after a lost connection the list is read again and compared.
 * @throws CausewayError when the first connection fails; later failures are retried
 */
export async function follow<T>(client: Client, follower: Follower<T>): Promise<void> {
  const known = new Map<string, { readonly text: string; readonly object: T }>();
  let connectedOnce = false;
  let pause = FIRST_RETRY_MS;
  while (!follower.signal.aborted) {
    try {
      const reason = await followOnce(client, follower, known, () => {
        connectedOnce = true;
        pause = FIRST_RETRY_MS;
      });
      if (!follower.signal.aborted) follower.onRetry?.(reason);
    } catch (error) {
      if (follower.signal.aborted) return;
      if (!connectedOnce) throw error;
      follower.onRetry?.(messageOf(error));
    }
    await sleep(pause, undefined, { signal: follower.signal }).catch(() => {});
    pause = Math.min(pause * 2, LAST_RETRY_MS);
  }
}

type Known<T> = Map<string, { readonly text: string; readonly object: T }>;

/** @returns why the stream ended */
async function followOnce<T>(
  client: Client,
  follower: Follower<T>,
  known: Known<T>,
  onConnected: () => void,
): Promise<string> {
  const early: Change<T>[] = [];
  let deliver = (change: Change<T>): void => void early.push(change);
  let end: (reason: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  const close = await client.watch(follower.path, {
    onEvent: (event) => {
      const change = parseChange<T>(event);
      if (change !== undefined) deliver(change);
    },
    onEnd: end,
  });
  const stop = (): void => {
    close();
    end('stopped');
  };
  follower.signal.addEventListener('abort', stop, { once: true });
  try {
    if (follower.signal.aborted) return 'stopped';
    const { items } = await client.list<T>(follower.path);
    onConnected();
    replaceAll(items, follower, known);
    deliver = (change) => take(change, follower, known);
    for (const change of early) deliver(change);
    follower.onSynced?.();
    return await ended;
  } finally {
    follower.signal.removeEventListener('abort', stop);
    close();
  }
}

function replaceAll<T>(items: readonly T[], follower: Follower<T>, known: Known<T>): void {
  const present = new Set(items.map(follower.keyOf));
  for (const [key, { object }] of [...known])
    if (!present.has(key)) take({ type: 'deleted', object }, follower, known);
  for (const object of items) take({ type: 'added', object }, follower, known);
}

/** Passes on what differs from what is known, under the type that this makes it. */
function take<T>(change: Change<T>, follower: Follower<T>, known: Known<T>): void {
  const key = follower.keyOf(change.object);
  const before = known.get(key);
  if (change.type === 'deleted') {
    if (before === undefined) return;
    known.delete(key);
    follower.onChange({ type: 'deleted', object: before.object });
    return;
  }
  const text = JSON.stringify(change.object);
  if (before?.text === text) return;
  known.set(key, { text, object: change.object });
  follower.onChange({ type: before === undefined ? 'added' : 'modified', object: change.object });
}

function parseChange<T>(event: ServerEvent): Change<T> | undefined {
  if (event.event !== 'added' && event.event !== 'modified' && event.event !== 'deleted') return undefined;
  try {
    return { type: event.event, object: JSON.parse(event.data) as T };
  } catch {
    return undefined;
  }
}
