import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';
import { EVENT_SLOTS, type EventKind, type NodeEvent } from '@causeway/shared/model/event';
import { decodeEvent, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, LeaseHandle, Store } from '@causeway/shared/store/store';

/** What happened to this host, told to the cluster: a ring of the last `EVENT_SLOTS` events in etcd. */
export interface EventLog {
  /** Notes an event; it is written as soon as etcd takes it. Never throws, never waits. @param message one sentence */
  add(kind: EventKind, severity: NodeEvent['severity'], message: string): void;
  /** etcd is back, or the lease of ownership is another: what is missing is written, on the lease that holds. */
  again(): void;
  /** Writes what is left, if etcd takes it at once. */
  stop(): Promise<void>;
}

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 10_000;

interface Slot {
  readonly event: Omit<NodeEvent, 'sequence'>;
  /** Given when it is written for the first time. */
  sequence?: number;
  /** The lease that it was written on. */
  on?: string;
}

/**
 * Continues the sequence where an earlier life of the agent ended.
 *
 * @param ownership what events are on; undefined as long as the host has not joined: events wait until `again`
 */
export function createEventLog(
  store: Store,
  ownership: () => LeaseHandle | undefined,
  name: string,
): EventLog {
  const prefix = `${keys.eventPrefix}${name}/`;
  /** This life's events, the newest last, as many as the ring holds. */
  const ring: Slot[] = [];
  /** What etcd holds under each slot's key; undefined: must be read first. */
  let revisions: Map<string, number> | undefined;
  let next = 0;
  let work: Promise<void> | undefined;
  let stopped = false;
  let pause = new AbortController();

  const unwritten = (lease: LeaseHandle) => ring.filter((slot) => slot.on !== lease.id);

  async function read(): Promise<Map<string, number>> {
    const { items } = await store.list(prefix);
    for (const kv of items) {
      const event = decodeEvent(kv);
      if (!(event instanceof CausewayError)) next = Math.max(next, event.sequence + 1);
    }
    return new Map(items.map((kv) => [kv.key, kv.modRevision]));
  }

  /** @returns false when somebody else wrote in this ring; what is there is read again first. */
  async function write(lease: LeaseHandle, slots: readonly Slot[]): Promise<boolean> {
    revisions ??= await read();
    for (const slot of slots) slot.sequence ??= next++;
    // Numbers that were given up make the ring longer than it has slots: the newest has the slot.
    const fitting = slots.filter(({ sequence = 0 }) => sequence >= next - EVENT_SLOTS);
    const put = fitting.map((slot) => {
      const event: NodeEvent = { ...slot.event, sequence: slot.sequence ?? 0 };
      return { put: keys.event(name, event.sequence % EVENT_SLOTS), value: encode(event), lease };
    });
    const known = revisions;
    const guards = put.map(({ put: key }): Guard => {
      const modRevision = known.get(key);
      return modRevision === undefined ? { key, absent: true } : { key, modRevision };
    });
    const { ok, revision } = await store.transaction(guards, put);
    if (!ok) {
      revisions = undefined;
      // Another's event may have the number: what was never written gets the next.
      for (const slot of slots) if (slot.on === undefined) delete slot.sequence;
      return false;
    }
    for (const slot of slots) slot.on = lease.id;
    for (const { put: key } of put) known.set(key, revision);
    return true;
  }

  async function drain(): Promise<void> {
    let pauseMs = RETRY_MIN_MS;
    for (;;) {
      const lease = ownership();
      const slots = lease === undefined ? [] : unwritten(lease);
      if (lease === undefined || slots.length === 0) return;
      const written = await write(lease, slots).catch(() => {
        revisions = undefined;
        return false;
      });
      if (written) continue;
      if (stopped) return;
      await sleep(pauseMs, undefined, { signal: pause.signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS);
    }
  }

  function kick(): void {
    pause.abort();
    pause = new AbortController();
    work ??= drain().finally(() => {
      work = undefined;
      const lease = ownership();
      // One that came between the last look and the end of the work.
      if (!stopped && lease !== undefined && unwritten(lease).length > 0) kick();
    });
  }

  return {
    add: (kind, severity, message) => {
      if (stopped) return;
      ring.push({ event: { node: name, at: new Date().toISOString(), kind, severity, message } });
      if (ring.length > EVENT_SLOTS) ring.shift();
      kick();
    },
    again: kick,
    stop: async () => {
      stopped = true;
      pause.abort();
      await work;
    },
  };
}
