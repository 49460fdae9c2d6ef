import { isDeepStrictEqual } from 'node:util';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { decodeContainer, decodeContainerStatus, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';
import type { ContainerNetwork, ContainerRuntime } from '../containers/runtime.ts';
import type { Logger } from '../logger.ts';
import { dropDetached } from './detached.ts';
import { createTurns } from './turns.ts';

export interface ContainerKeeper {
  /**
   * What should run, and on which network, which must exist.
   *
   * @param spared names of containers that are left alone, and their states with them
   */
  want(specs: readonly ContainerSpec[], network: ContainerNetwork, spared: readonly string[]): void;
  /** Something may have happened to a container: look. */
  look(): void;
  /** Write all states again: etcd is back. */
  again(): void;
  stop(): Promise<void>;
}

export interface KeeperDeps {
  readonly runtime: ContainerRuntime;
  readonly store: Store;
  readonly host: string;
  readonly log: Logger;
}

const RETRY_MS = 2_000;
/** etcd takes 128 operations in one transaction. */
const MOST_WRITES = 100;

/** Keeps this host's containers running and their states in etcd, beside the loop that keeps the kernel. */
export function createContainerKeeper({ runtime, store, host, log }: KeeperDeps): ContainerKeeper {
  let wanted:
    | { specs: readonly ContainerSpec[]; network: ContainerNetwork; spared: readonly string[] }
    | undefined;
  /** States as etcd has them; undefined: not known. */
  let written: Map<string, WrittenState> | undefined;
  /** The last failure, which the log has once. */
  let told = '';

  const turns = createTurns(async () => {
    if (wanted === undefined) return;
    const { specs, network, spared } = wanted;
    try {
      const states = await runtime.reconcile(specs, network, spared);
      // One that has no process is started again by the runtime's own clock.
      if (states.some(({ state, pid }) => state === 'failed' && pid !== undefined)) turns.wake(RETRY_MS);
      written ??= await readStates(store, host);
      const kept = [...written.values()]
        .map(({ state }) => state)
        .filter(({ name }) => spared.includes(name));
      const known = await writeDifferences(store, host, written, [...kept, ...states]);
      written = known;
      await dropDetached(store, specs, states);
      // Held back for a definition that is about to be another one here too.
      if (states.some((state) => !isDeepStrictEqual(state, known.get(state.name)?.state)))
        turns.wake(RETRY_MS);
      told = '';
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== told) log.warn({ reason }, 'containers could not be kept or reported; trying again');
      told = reason;
      turns.wake(RETRY_MS);
    }
  });
  const unlisten = runtime.onNeed(() => turns.wake());
  return {
    want: (specs, network, spared) => {
      const next = { specs, network, spared };
      if (isDeepStrictEqual(next, wanted)) return;
      wanted = next;
      turns.wake();
    },
    look: () => turns.wake(),
    again: () => {
      written = undefined;
      turns.wake();
    },
    stop: async () => {
      unlisten();
      await turns.stop();
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

/** @returns what etcd has of this host's afterwards */
async function writeDifferences(
  store: Store,
  host: string,
  written: ReadonlyMap<string, WrittenState>,
  states: readonly ContainerStatus[],
): Promise<Map<string, WrittenState>> {
  const after = new Map(written);
  const changed = states.filter((state) => !isDeepStrictEqual(state, written.get(state.name)?.state));
  for (let i = 0; i < changed.length; i += MOST_WRITES)
    for (const state of await putOwn(store, host, changed.slice(i, i + MOST_WRITES)))
      after.set(state.name, { state, value: encode(state) });
  const names = new Set(states.map((state) => state.name));
  for (const [name, { value }] of written) {
    if (names.has(name)) continue;
    // A container that moved has its new host's state there, which is not ours to delete.
    const key = keys.containerStatus(name);
    await store.transaction([{ key, value }], [{ delete: key }]);
    after.delete(name);
  }
  return after;
}

/**
 * Writes states of containers that are this host's by etcd's word at this moment: of one that became another host's
 * while this one was cut off, the other's state is there, and it would not write it again.
 *
 * @returns those that were written
 */
async function putOwn(
  store: Store,
  host: string,
  states: readonly ContainerStatus[],
): Promise<readonly ContainerStatus[]> {
  const specs = await Promise.all(states.map(({ name }) => store.get(keys.container(name))));
  const own = states.flatMap((state, i) => {
    const spec = specs[i];
    return spec !== undefined && isFor(host, spec) ? [{ state, spec }] : [];
  });
  if (own.length === 0) return [];
  const { ok } = await store.transaction(
    own.map(({ spec: { key, modRevision } }) => ({ key, modRevision })),
    own.map(({ state }) => ({ put: keys.containerStatus(state.name), value: encode(state) })),
  );
  return ok ? own.map(({ state }) => state) : [];
}

/** One that cannot be read is kept as it was when it could. */
function isFor(host: string, kv: KeyValue): boolean {
  const spec = decodeContainer(kv);
  return spec instanceof CausewayError || spec.host === host;
}
