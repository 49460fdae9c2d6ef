import { messageOf } from '@causeway/shared/errors';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, LeaseHandle, Store } from '@causeway/shared/store/store';
import type { ContainerRuntime } from '../containers/runtime.ts';
import type { Logger } from '../logger.ts';
import { createTurns } from '../loop/turns.ts';
import { createAsk } from './ask.ts';
import { createChecker } from './checker.ts';
import { type WrittenRecord, writtenRecord } from './record.ts';

/** What this host's agent finds of the endpoints that it asks, kept in etcd for the controller. */
export interface HealthChecks {
  /** Takes up the newest snapshot as soon as there is time: others, who program rules, go first. */
  want(snapshot: Snapshot): void;
  /** What was written is gone, or may be: etcd is back, or the sign of life is on another lease. */
  again(): void;
  /** Looks in etcd whether the record is there as it was written, and writes it again if not. */
  verify(): void;
  state(): HealthCheckState;
  /** A sentence while etcd does not hold all that was found. */
  problem(): string | undefined;
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
  /** That the sign of life is this agent's own: one that was paused must not speak for the one in its place. */
  readonly alive: Guard;
  /** What `problem` says has changed. */
  readonly onProblem: () => void;
  readonly log: Logger;
  /** 0 ≤ random() < 1 */
  readonly random?: () => number;
}

interface Written {
  readonly value: string;
  /** The lease. */
  readonly on: string;
  readonly healthy: readonly string[];
}

const RETRY_MS = 1_000;
/** While others still owe their first answer, what was heard is written no more often than this, milliseconds. */
const GATHER_MS = 50;

/**
 * The record is written when it says something else, and again as long as etcd does not take it; meanwhile the questions
 * go on. A host that has never had anybody to ask writes none.
 */
export function createHealthChecks(deps: HealthChecksDeps): HealthChecks {
  const { host, store, liveness, alive, log, random } = deps;
  let written: Written | undefined;
  let doubted = false;
  let isNeeded = false;
  let problem: string | undefined;
  let next: Snapshot | undefined;
  let taking: NodeJS.Immediate | undefined;

  const turns = createTurns(async () => {
    isNeeded ||= checker.asked() > 0;
    if (!isNeeded) return;
    try {
      const lease = liveness();
      const record = recordNow();
      const isSaid = written?.value === record.value && written.on === lease.id;
      if (isSaid && !doubted) return;
      if (isSaid && (await isThere(record.value, lease))) return;
      if (!(await write(record, lease))) throw new Error("the sign of life there is not this agent's");
      tell(record.left === 0 ? undefined : tooMany(record.left));
    } catch (error) {
      // It may have been written all the same.
      written = undefined;
      log.debug({ reason: messageOf(error) }, 'what was found of endpoints could not be written');
      tell(`what was found of the health of endpoints is not in etcd: ${messageOf(error)}`);
      turns.wake(RETRY_MS);
    }
  });
  const checker = createChecker({
    ...{ host, ask: createAsk(deps.runtime) },
    onChange: () => turns.wake(checker.unanswered() === 0 ? 0 : GATHER_MS),
    ...(random === undefined ? {} : { random }),
  });

  /** A good word stays in it, once it is there, for as long as it holds: to take it out is worth no writing. */
  function recordNow(): WrittenRecord & Pick<Written, 'healthy'> {
    const unhealthy = checker.unhealthy();
    const awaited = checker.awaited();
    const stays = new Set(written?.healthy);
    const said = new Set([...awaited, ...checker.healthy().filter((id) => stays.has(id))]);
    const recordWith = (healthy: readonly string[]) => ({
      ...writtenRecord({ node: host, unhealthy, healthy }),
      healthy,
    });
    const same = recordWith([...said].sort());
    return same.value === written?.value ? same : recordWith(awaited);
  }
  async function isThere(value: string, lease: LeaseHandle): Promise<boolean> {
    const found = await store.get(keys.health(host));
    doubted = false;
    return found?.value === value && found.leaseId === lease.id;
  }
  /** @returns whether the sign of life was this agent's */
  async function write({ value, healthy }: Omit<Written, 'on'>, lease: LeaseHandle): Promise<boolean> {
    const { ok } = await store.transaction([alive], [{ put: keys.health(host), value, lease }]);
    if (ok) written = { value, healthy, on: lease.id };
    return ok;
  }
  function tell(text: string | undefined): void {
    if (text === problem) return;
    problem = text;
    deps.onProblem();
  }

  return {
    want: (snapshot) => {
      next = snapshot;
      taking ??= setImmediate(() => {
        taking = undefined;
        if (next !== undefined) checker.want(next);
      });
    },
    again: () => {
      written = undefined;
      turns.wake();
    },
    verify: () => {
      doubted = true;
      turns.wake();
    },
    state: () => ({ asked: checker.asked(), unhealthy: checker.unhealthy().length }),
    problem: () => problem,
    stop: async () => {
      clearImmediate(taking);
      const ended = turns.stop();
      checker.stop();
      await ended;
    },
  };
}

function tooMany(left: number): string {
  return `${left} endpoints that fail their health checks are not told of: what one host finds must fit into one value of etcd`;
}
