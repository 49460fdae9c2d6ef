import { messageOf } from '../errors.ts';
import type { LeaseHandle } from './store.ts';

export interface LeaseDeps {
  /** Renews the lease once. @returns its new time to live in seconds; 0 or less: etcd does not know it any more */
  keepAliveOnce(id: string, timeoutMs: number): Promise<number>;
  revoke(id: string): Promise<void>;
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** The handle keeps no timer any more. */
  ended(handle: LeaseHandle): void;
}

/** Longest time between two renewals: a long lease that was revoked is noticed after this. */
const MAX_RENEWAL_MS = 60_000;
/** A renewal that failed is tried again after this part of the lease's time to live, between these bounds. */
const RETRY_PART = 20;
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
/** Longest delay of a timer, some 25 days: with more, Node calls at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Keeps one lease alive. The deadline counts from *before* the request that renewed it, so that we know of a
 * loss no later than etcd does.
 */
export function holdLease(id: string, ttlSeconds: number, askedAt: number, deps: LeaseDeps): LeaseHandle {
  const ttlMs = ttlSeconds * 1000;
  let expiresAt = askedAt + ttlMs;
  let state: 'held' | 'released' | 'lost' = 'held';
  let lostBecause = '';
  let lastFailure = '';
  let listeners: ((reason: string) => void)[] = [];
  let renewal: NodeJS.Timeout | undefined;
  let expiry: NodeJS.Timeout | undefined;

  function end(next: 'released' | 'lost'): void {
    state = next;
    clearTimeout(renewal);
    clearTimeout(expiry);
    deps.ended(handle);
  }

  function lose(reason: string): void {
    if (state !== 'held') return;
    lostBecause = reason;
    expiresAt = Math.min(expiresAt, deps.now());
    end('lost');
    const told = listeners;
    listeners = [];
    for (const listener of told) listener(reason);
  }

  function expire(): void {
    const why = lastFailure === '' ? 'no renewal was confirmed' : lastFailure;
    lose(`the lease ran out after ${ttlSeconds} s without renewal: ${why}`);
  }

  function armExpiry(): void {
    clearTimeout(expiry);
    const left = expiresAt - deps.now();
    expiry = setTimeout(left > MAX_DELAY_MS ? armExpiry : expire, Math.min(left, MAX_DELAY_MS));
  }

  function renewIn(ms: number): void {
    renewal = setTimeout(() => void renew(), ms);
  }

  async function renew(): Promise<void> {
    const started = deps.now();
    try {
      const ttl = await deps.keepAliveOnce(id, Math.max(ttlMs / 3, MIN_RETRY_MS));
      if (state !== 'held') return;
      if (ttl <= 0) return lose('etcd has no such lease any more: it expired or was revoked');
      lastFailure = '';
      expiresAt = started + ttl * 1000;
      armExpiry();
      renewIn(Math.min(ttlMs / 3, MAX_RENEWAL_MS));
    } catch (error) {
      if (state !== 'held') return;
      lastFailure = messageOf(error);
      renewIn(Math.min(Math.max(ttlMs / RETRY_PART, MIN_RETRY_MS), MAX_RETRY_MS));
    }
  }

  const handle: LeaseHandle = {
    id,
    remainingMs: () => expiresAt - deps.now(),
    onLost: (listener) => {
      if (state === 'lost') queueMicrotask(() => listener(lostBecause));
      else listeners.push(listener);
    },
    release: () => {
      if (state === 'held') end('released');
    },
    revoke: async () => {
      if (state === 'held') end('released');
      expiresAt = Math.min(expiresAt, deps.now());
      await deps.revoke(id);
    },
  };
  armExpiry();
  renewIn(Math.min(ttlMs / 3, MAX_RENEWAL_MS));
  return handle;
}
