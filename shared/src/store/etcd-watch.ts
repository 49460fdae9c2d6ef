import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError, messageOf } from '../errors.ts';
import { SortedMap } from '../sorted-map.ts';
import { rangeEnd, toKeyValue, type WatchResponse, type WireStream } from './etcd-wire.ts';
import type { KeyValue, Listing, PrefixListener, Watch } from './store.ts';

export interface WatchDeps {
  list(prefix: string): Promise<Listing>;
  openStream(): Promise<WireStream>;
  /** How long etcd may take to confirm a watch, milliseconds. */
  readonly confirmMs: number;
  readonly relistMs: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

/** Why following a prefix ended without an error: both mean that it must be listed again. */
type Ending = 'relist' | 'compacted' | 'closed';

/**
 * List, watch from the listing's revision + 1, and start over whenever the watch ends: that one rule closes
 * every gap (reconnect, compaction, restored data), since no watch is ever resumed.
 *
 * The stream is etcd's own, not etcd3's Watcher: that one resumes after events that it never saw, and throws
 * inside gRPC's callbacks when a response and a cancellation cross.
 */
export function watchPrefix(deps: WatchDeps, prefix: string, listener: PrefixListener): Watch {
  const stop = new AbortController();
  const connection = connectionReporter(listener, stop.signal);
  const delivery = prefixDelivery(listener, stop.signal);

  async function keepFollowing(): Promise<void> {
    let retryMs = deps.retryMinMs;
    while (!stop.signal.aborted) {
      try {
        const listing = await deps.list(prefix);
        if (stop.signal.aborted) return;
        delivery.replace(listing);
        await follow(deps, prefix, listing.revision + 1, stop.signal, {
          confirmed: () => {
            retryMs = deps.retryMinMs;
            connection.report(true, `watching ${prefix}`);
          },
          changed: delivery.apply,
        });
      } catch (error) {
        connection.report(false, messageOf(error));
        await sleep(retryMs * (0.5 + Math.random() / 2), undefined, { signal: stop.signal }).catch(() => {});
        retryMs = Math.min(retryMs * 2, deps.retryMaxMs);
      }
    }
  }

  void keepFollowing();
  return { close: () => stop.abort() };
}

interface FollowEvents {
  confirmed(): void;
  changed(response: WatchResponse): void;
}

/** Watches from a revision until something ends it; rejects when the stream broke. */
async function follow(
  deps: WatchDeps,
  prefix: string,
  fromRevision: number,
  signal: AbortSignal,
  events: FollowEvents,
): Promise<Ending> {
  const stream = await deps.openStream();
  return new Promise<Ending>((resolve, reject) => {
    const broken = (reason: string) =>
      finish(() => reject(new CausewayError('unreachable', `watching ${prefix}: ${reason}`)));
    const relist = setTimeout(() => finish(() => resolve('relist')), deps.relistMs);
    const unconfirmed = setTimeout(() => broken(`no answer after ${deps.confirmMs} ms`), deps.confirmMs);
    const onAbort = () => finish(() => resolve('closed'));
    let finished = false;

    function finish(settle: () => void): void {
      if (finished) return;
      finished = true;
      clearTimeout(relist);
      clearTimeout(unconfirmed);
      signal.removeEventListener('abort', onAbort);
      stream.cancel();
      settle();
    }

    // The 'error' handler stays for ever: cancelling a stream makes it emit one, and nobody listening would throw.
    stream.on('error', (error) => broken(messageOf(error)));
    stream.on('end', () => broken('etcd ended the stream'));
    stream.on('data', (message) => {
      if (finished) return;
      const response = message as WatchResponse;
      if (response.canceled && Number(response.compact_revision) > 0)
        return finish(() => resolve('compacted'));
      if (response.canceled) return broken(`etcd cancelled the watch: ${response.cancel_reason}`);
      if (response.created) {
        clearTimeout(unconfirmed);
        events.confirmed();
      }
      events.changed(response);
    });
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    stream.write({
      create_request: {
        key: Buffer.from(prefix),
        range_end: rangeEnd(prefix),
        start_revision: fromRevision,
        fragment: true,
      },
    });
  });
}

/** Tells the listener of changes of the connection only. */
function connectionReporter(listener: PrefixListener, signal: AbortSignal) {
  let last: boolean | undefined;
  return {
    report(connected: boolean, reason: string): void {
      if (signal.aborted || last === connected) return;
      last = connected;
      guarded(() => listener.onConnection?.(connected, reason));
    },
  };
}

/**
 * Keeps a prefix's keys. Everything that arrives in one turn of the event loop is one delivery, so that a burst of a
 * thousand revisions is not a thousand deliveries.
 */
function prefixDelivery(listener: PrefixListener, signal: AbortSignal) {
  let items = SortedMap.of<KeyValue>();
  let revision = 0;
  /** By key, what it is since the last delivery; undefined: gone. */
  let changed = new Map<string, KeyValue | undefined>();
  let scheduled = false;
  let incomplete = false;

  function flush(): void {
    scheduled = false;
    if (signal.aborted || changed.size === 0 || incomplete) return;
    items = items.with(changed);
    const keys = [...changed.keys()];
    changed = new Map();
    guarded(() => listener.onState({ items, revision, changed: keys }));
  }

  return {
    replace(listing: Listing): void {
      items = listed(items, listing.items);
      revision = listing.revision;
      changed = new Map();
      incomplete = false;
      guarded(() => listener.onState({ items, revision }));
    },
    apply(response: WatchResponse): void {
      for (const event of response.events) {
        const kv = toKeyValue(event.kv);
        changed.set(kv.key, event.type === 'Delete' ? undefined : kv);
        // Not the header's revision: while a watch catches up, that one is ahead of the events.
        revision = Math.max(revision, kv.modRevision);
      }
      incomplete = response.fragment === true;
      if (scheduled || incomplete || changed.size === 0) return;
      scheduled = true;
      setImmediate(flush);
    },
  };
}

/** What is as it was before stays the same object: a look at ten thousand keys that finds nothing new costs nobody more. */
function listed(before: SortedMap<KeyValue>, found: readonly KeyValue[]): SortedMap<KeyValue> {
  const all = SortedMap.of(found.map((kv) => [kv.key, kv] as const));
  if (before.size === 0) return all;
  return before.with(
    all
      .changesSince(before)
      .filter(({ before: one, after }) => !isSame(one, after))
      .map(({ key, after }) => [key, after] as const),
  );
}

/** In all that it says: revisions alone repeat where etcd's data were put back from a backup. */
function isSame(a: KeyValue | undefined, b: KeyValue | undefined): boolean {
  return (
    a?.modRevision === b?.modRevision &&
    a?.createRevision === b?.createRevision &&
    a?.leaseId === b?.leaseId &&
    a?.value === b?.value
  );
}

/** A listener's own fault must not end the watch; it is shown as a warning of the process. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    process.emitWarning(`a listener of a watch failed: ${messageOf(error)}`);
  }
}
