import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@causeway/shared/errors';
import type { EndpointSet } from '@causeway/shared/model/endpoint';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, Store } from '@causeway/shared/store/store';
import { placesOf } from '../view/facts.ts';
import type { Change } from '../view/tables.ts';
import type { View } from '../view/view.ts';
import { parseEndpointRef } from './ref.ts';
import { resolve } from './resolve.ts';

/** Pause before what could not be written is tried again, milliseconds. */
const RETRY_MS = 1_000;

export interface LoopLog {
  debug(line: object, message: string): void;
  warn(line: object, message: string): void;
}

export interface EndpointLoop {
  stop(): void;
  /** Resolves when nothing is left to look at. */
  idle(): Promise<void>;
}

/**
 * Keeps every service's endpoints what its references lead to: looks again at the services that a change may
 * concern, and writes only what differs. A write is guarded by both revisions that it was made from, so of two
 * controllers the one that knows more wins. Because of a key that cannot be read, nothing is taken from a service.
 */
export function startEndpointLoop(store: Store, view: View, log: LoopLog): EndpointLoop {
  const dirty = new Set<string>();
  let running: Promise<void> | undefined;
  let stopped = false;

  async function drain(): Promise<void> {
    let isTold = false;
    while (dirty.size > 0 && !stopped) {
      try {
        await view.whole(RETRY_MS);
        for (const name of [...dirty]) if (!stopped) await settle(name);
        isTold = false;
      } catch (error) {
        if (!isTold) log.warn({ reason: messageOf(error) }, 'endpoints wait to be written');
        isTold = true;
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  async function settle(name: string): Promise<void> {
    // Taken out first: a change during the write brings it back.
    dirty.delete(name);
    try {
      await update(store, view, name, log);
    } catch (error) {
      dirty.add(name);
      throw error;
    }
  }

  const unsubscribe = view.subscribe((batch) => {
    for (const name of concerned(batch.changes, view)) dirty.add(name);
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

/** The services whose endpoints may be others after these changes. */
export function concerned(changes: readonly Change[], view: View): ReadonlySet<string> {
  const names = new Set<string>();
  const containers = new Set<string>();
  let isNetworkOther = false;
  for (const { kind, id, before, after } of changes) {
    if (kind === 'service' || kind === 'endpoints') names.add(id);
    else if (kind === 'container' || kind === 'containerStatus') containers.add(id);
    else if (kind === 'lease') isNetworkOther = true;
    else if (kind === 'policy' && before?.value.drained !== after?.value.drained)
      for (const name of servicesOn(view, id)) names.add(name);
  }
  if (containers.size === 0 && !isNetworkOther) return names;
  for (const [name, { value: spec }] of view.tables.service) {
    const isConcerned = spec.endpoints.some((text) => {
      const ref = parseEndpointRef(text);
      return ref?.container === undefined ? isNetworkOther : containers.has(ref.container);
    });
    if (isConcerned) names.add(name);
  }
  return names;
}

/** The services of which some reference leads to a host. */
export function servicesOn(view: View, host: string): readonly string[] {
  const { hostAt, container } = placesOf(view);
  return [...view.tables.service].flatMap(([name, { value: spec }]) => {
    const isThere = spec.endpoints.some((text) => {
      const ref = parseEndpointRef(text);
      if (ref === undefined) return false;
      return (ref.container === undefined ? hostAt(ref.address) : container(ref.container)?.host) === host;
    });
    return isThere ? [name] : [];
  });
}

/** Whether a service's endpoints are what its references lead to, or never will be: it is gone or cannot be read. */
export function isSettled(view: View, name: string): boolean {
  const spec = view.tables.service.get(name)?.value;
  if (spec === undefined || view.unreadable.has(keys.serviceSpec(name)) || isUncertain(spec, view))
    return true;
  const set = view.tables.endpoints.get(name)?.value;
  return set !== undefined && sameSet(set, resolve(spec, placesOf(view)));
}

async function update(store: Store, view: View, name: string, log: LoopLog): Promise<void> {
  const spec = view.tables.service.get(name);
  if (spec === undefined || view.unreadable.has(keys.serviceSpec(name)) || isUncertain(spec.value, view))
    return;
  const key = keys.serviceEndpoints(name);
  // A set that does not parse is written over.
  const isUnreadable = view.unreadable.has(key);
  const old = isUnreadable ? undefined : view.tables.endpoints.get(name);
  const set = resolve(spec.value, placesOf(view));
  if (old !== undefined && sameSet(old.value, set)) return;
  const guards: Guard[] = [{ key: keys.serviceSpec(name), modRevision: spec.revision }];
  if (old !== undefined) guards.push({ key, modRevision: old.revision });
  else if (!isUnreadable) guards.push({ key, absent: true });
  const result = await store.transaction(guards, [{ put: key, value: encode(set) }]);
  // A lost race needs no answer: the change that won is on its way here, and brings the service back.
  log.debug(
    { service: name, endpoints: set.endpoints.length, unresolved: set.unresolved, written: result.ok },
    'endpoints resolved',
  );
}

/** Whether a container that the service names is in a key that never could be read: it may well run. */
function isUncertain(spec: ServiceSpec, { tables, unreadable }: View): boolean {
  return spec.endpoints.some((text) => {
    const name = parseEndpointRef(text)?.container;
    if (name === undefined) return false;
    const isUnknown = (key: string, table: ReadonlyMap<string, unknown>) =>
      unreadable.has(key) && !table.has(name);
    return (
      isUnknown(keys.container(name), tables.container) ||
      isUnknown(keys.containerStatus(name), tables.containerStatus)
    );
  });
}

function sameSet(a: EndpointSet, b: EndpointSet): boolean {
  return fingerprint(a) === fingerprint(b);
}

/** Independent of the order of fields, which a codec may change. */
function fingerprint(set: EndpointSet): string {
  return JSON.stringify([
    set.endpoints.map((e) => [e.portName, e.address, e.port, e.ref, e.container, e.node]),
    set.unresolved,
  ]);
}
