import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type { Store } from '@causeway/shared/store/store';
import type { ContainerNetwork, ContainerRuntime } from '../containers/runtime.ts';
import type { Logger } from '../logger.ts';
import { createStateWriter, type Said } from './container-states.ts';
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
/** Containers that are removed, and that are started, before what is wanted and what there is are looked at again. */
const MOST_AT_A_TIME = 64;

interface Wanted {
  readonly specs: readonly ContainerSpec[];
  readonly network: ContainerNetwork;
  readonly spared: readonly string[];
}

/** Keeps this host's containers running and their states in etcd, beside the loop that keeps the kernel. */
export function createContainerKeeper({ runtime, store, host, log }: KeeperDeps): ContainerKeeper {
  let wanted: Wanted | undefined;
  /** The last failure, which the log has once. */
  let told = '';
  const writer = createStateWriter(store, host);

  async function keep(now: Wanted): Promise<void> {
    const { specs, network, spared } = now;
    const byName = new Map(specs.map((spec) => [spec.name, spec]));
    const saidOf = (state: ContainerStatus): readonly Said[] => {
      const spec = byName.get(state.name);
      return spec === undefined ? [] : [{ spec, state }];
    };
    const { states, left, more } = await runtime.reconcile(specs, network, {
      ...{ spared, most: MOST_AT_A_TIME, isStale: () => wanted !== now },
      onState: (state) => saidOf(state).forEach(writer.say),
    });
    if (more) turns.wake();
    // One that has no process is started again by the runtime's own clock.
    const isHalf = states.some(({ state, pid }) => state === 'failed' && pid !== undefined);
    const here = new Set([...byName.keys(), ...spared, ...(left ?? [])]);
    const isWritten = await writer.settle(
      states.flatMap(saidOf),
      (name) => left === undefined || here.has(name),
    );
    await dropDetached(store, specs, states);
    if (isHalf || !isWritten || left === undefined || left.length > 0) turns.wake(RETRY_MS);
  }
  const turns = createTurns(async () => {
    if (wanted === undefined) return;
    try {
      await keep(wanted);
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
      writer.forget();
      turns.wake();
    },
    stop: async () => {
      unlisten();
      // The pass under way comes to its end soon.
      wanted = undefined;
      await turns.stop();
      await writer.stop();
    },
  };
}
