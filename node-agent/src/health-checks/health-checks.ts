import { messageOf } from '@causeway/shared/errors';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { LeaseHandle, Store } from '@causeway/shared/store/store';
import type { ContainerRuntime } from '../containers/runtime.ts';
import type { Logger } from '../logger.ts';
import { createTurns } from '../loop/turns.ts';
import { createAsk } from './ask.ts';
import { createChecker } from './checker.ts';

/** What this host's agent finds of the endpoints that it asks, kept in etcd for the controller. */
export interface HealthChecks {
  want(snapshot: Snapshot): void;
  /** What was written is gone, or may be: etcd is back, or the sign of life is on another lease. */
  again(): void;
  state(): HealthCheckState;
  stop(): Promise<void>;
}

export interface HealthCheckState {
  /** Endpoints that this host asks. */
  readonly asked: number;
  /** Those of them that are not healthy, or have not been so yet. */
  readonly unhealthy: number;
}

export interface HealthChecksDeps {
  readonly host: string;
  readonly runtime: Pick<ContainerRuntime, 'exec'>;
  readonly store: Store;
  /** What says that this host is alive. The record goes with it: a dead agent's word counts for nothing. */
  readonly liveness: () => LeaseHandle;
  readonly log: Logger;
  /** 0 ≤ random() < 1 */
  readonly random?: () => number;
}

const RETRY_MS = 1_000;

/**
 * The record is written when it says something else, and again as long as etcd does not take it; meanwhile the questions
 * go on. A host that has never had anybody to ask writes none.
 */
export function createHealthChecks(deps: HealthChecksDeps): HealthChecks {
  const { host, store, liveness, log, random } = deps;
  let written: { readonly value: string; readonly on: string } | undefined;
  let isNeeded = false;

  const turns = createTurns(async () => {
    const unhealthy = checker.unhealthy();
    isNeeded ||= checker.asked() > 0;
    if (!isNeeded) return;
    const value = encode({ node: host, unhealthy, healthy: checker.healthy() });
    const lease = liveness();
    if (written?.value === value && written.on === lease.id) return;
    try {
      await store.transaction([], [{ put: keys.health(host), value, lease }]);
      written = { value, on: lease.id };
    } catch (error) {
      // It may have been written all the same.
      written = undefined;
      log.debug({ reason: messageOf(error) }, 'what was found of endpoints could not be written');
      turns.wake(RETRY_MS);
    }
  });
  const checker = createChecker({
    ...{ host, ask: createAsk(deps.runtime), onChange: () => turns.wake() },
    ...(random === undefined ? {} : { random }),
  });
  return {
    want: (snapshot) => checker.want(snapshot),
    again: () => {
      written = undefined;
      turns.wake();
    },
    state: () => ({ asked: checker.asked(), unhealthy: checker.unhealthy().length }),
    stop: async () => {
      const ended = turns.stop();
      checker.stop();
      await ended;
    },
  };
}
