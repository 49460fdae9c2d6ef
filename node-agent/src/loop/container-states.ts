import { isDeepStrictEqual } from 'node:util';
import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { decodeContainer, decodeContainerStatus, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';
import { specHash } from '../containers/spec.ts';

/** What became of a container, and of which definition. */
export interface Said {
  readonly spec: ContainerSpec;
  readonly state: ContainerStatus;
}

/** Keeps what etcd says of this host's containers to what is so. Only differences are written. */
export interface StateWriter {
  /** Soon, together with what is said until then. What fails is left to the next `settle`. */
  say(said: Said): void;
  /**
   * Writes all of these, and deletes what etcd has of containers that are no more.
   *
   * @param isHere of a name that nothing is said of: whether what etcd has stays
   * @returns whether etcd has it all; false: something is held back for a definition that is about to be another one here too
   * @throws CausewayError when etcd cannot be reached
   */
  settle(all: readonly Said[], isHere: (name: string) => boolean): Promise<boolean>;
  /** Nothing is known of what etcd has. */
  forget(): void;
  /** What was said and is not written is dropped; resolves when nothing is being written any more. */
  stop(): Promise<void>;
}

/** etcd takes 128 operations in one transaction. */
const MOST_WRITES = 100;
/** Between writes of what is said, milliseconds: many starts are few writes. */
const PACE_MS = 100;

export function createStateWriter(store: Store, host: string): StateWriter {
  /** As etcd has them; undefined: not known. */
  let written: Map<string, WrittenState> | undefined;
  const waiting = new Map<string, Said>();
  let timer: NodeJS.Timeout | undefined;
  let lastAt = Number.NEGATIVE_INFINITY;
  let busy: Promise<unknown> = Promise.resolve();

  /** One after the other; after a failure nobody knows what was written. */
  function inOrder<T>(act: (known: Map<string, WrittenState>) => Promise<T>): Promise<T> {
    const done = busy.then(async () => {
      try {
        written ??= await readStates(store, host);
        return await act(written);
      } catch (error) {
        written = undefined;
        throw error;
      } finally {
        lastAt = performance.now();
      }
    });
    busy = done.catch(() => undefined);
    return done;
  }
  function writeWaiting(): void {
    timer = undefined;
    inOrder((known) => {
      const all = [...waiting.values()];
      waiting.clear();
      return write(store, host, known, all);
    }).catch(() => undefined);
  }
  function hush(): void {
    clearTimeout(timer);
    timer = undefined;
    waiting.clear();
  }
  return {
    say(said) {
      waiting.set(said.state.name, said);
      timer ??= setTimeout(writeWaiting, Math.max(0, lastAt + PACE_MS - performance.now()));
    },
    settle(all, isHere) {
      hush();
      return inOrder(async (known) => {
        await write(store, host, known, all);
        const names = new Set(all.map(({ state }) => state.name));
        await drop(store, known, (name) => names.has(name) || isHere(name));
        return all.every(({ state }) => isDeepStrictEqual(state, known.get(state.name)?.state));
      });
    },
    forget: () => {
      // What is being written at this moment is not known either.
      busy = busy.then(() => {
        written = undefined;
      });
    },
    stop: async () => {
      hush();
      await busy;
    },
  };
}

/** A container's state, and the value that says it in etcd: what is read does not become the same text again. */
interface WrittenState {
  readonly state: ContainerStatus;
  readonly value: string;
}

async function readStates(store: Store, host: string): Promise<Map<string, WrittenState>> {
  const { items } = await store.list(keys.containerStatusPrefix);
  const states = items.flatMap((kv) => {
    const state = decodeContainerStatus(kv);
    if (state instanceof CausewayError || state.host !== host) return [];
    return [[state.name, { state, value: kv.value }] as const];
  });
  return new Map(states);
}

/** @param known is brought up to date */
async function write(
  store: Store,
  host: string,
  known: Map<string, WrittenState>,
  all: readonly Said[],
): Promise<void> {
  const changed = all.filter(({ state }) => !isDeepStrictEqual(state, known.get(state.name)?.state));
  for (let i = 0; i < changed.length; i += MOST_WRITES)
    for (const { state } of await putOwn(store, host, changed.slice(i, i + MOST_WRITES)))
      known.set(state.name, { state, value: encode(state) });
}

/** A container that moved has its new host's state there, which is not ours to delete. */
async function drop(
  store: Store,
  known: Map<string, WrittenState>,
  stays: (name: string) => boolean,
): Promise<void> {
  const gone = [...known].filter(([name]) => !stays(name));
  for (let i = 0; i < gone.length; i += MOST_WRITES) {
    const some = gone.slice(i, i + MOST_WRITES).map(([name, { value }]) => ({
      ...{ name, key: keys.containerStatus(name), value },
    }));
    const guards = some.map(({ key, value }) => ({ key, value }));
    const { ok } = await store.transaction(
      guards,
      some.map(({ key }) => ({ delete: key })),
    );
    // One that is not as we wrote it keeps the others.
    if (!ok) for (const { key, value } of some) await store.transaction([{ key, value }], [{ delete: key }]);
    for (const { name } of some) known.delete(name);
  }
}

/**
 * Writes states of containers that are this host's by etcd's word at this moment: of one that became another host's
 * while this one was cut off, the other's state is there, and it would not write it again.
 *
 * @returns those that were written
 */
async function putOwn(store: Store, host: string, all: readonly Said[]): Promise<readonly Said[]> {
  const found = await Promise.all(all.map(({ spec }) => store.get(keys.container(spec.name))));
  const own = all.flatMap((said, i) => {
    const kv = found[i];
    return kv !== undefined && isOf(host, said, kv) ? [{ said, kv }] : [];
  });
  if (own.length === 0) return [];
  const { ok } = await store.transaction(
    own.map(({ kv: { key, modRevision } }) => ({ key, modRevision })),
    own.map(({ said: { state } }) => ({ put: keys.containerStatus(state.name), value: encode(state) })),
  );
  if (ok || own.length === 1) return ok ? own.map(({ said }) => said) : [];
  // One whose definition has just changed keeps none of the others.
  const alone: Said[] = [];
  for (const { said } of own) alone.push(...(await putOwn(store, host, [said])));
  return alone;
}

/** A state is newer than the definition in etcd for whoever reads it: that an earlier one runs would be said of this one. */
function isOf(host: string, { spec, state }: Said, kv: KeyValue): boolean {
  const found = decodeContainer(kv);
  // One that cannot be read is kept as it was when it could.
  if (found instanceof CausewayError) return true;
  if (found.host !== host) return false;
  if (state.state !== 'running' && state.state !== 'exited') return true;
  return (
    specHash(found) === specHash(spec) &&
    found.generation === spec.generation &&
    isDeepStrictEqual(found.attach, spec.attach)
  );
}
