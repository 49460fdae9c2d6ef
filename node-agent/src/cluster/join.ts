import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError, type ErrorCode, messageOf } from '@causeway/shared/errors';
import type { Store } from '@causeway/shared/store/store';
import { joinCluster } from '../lease/join.ts';
import type { JoinInput, Membership } from '../lease/membership.ts';
import type { Logger } from '../logger.ts';

/** What others mend: etcd is not up yet, or the network's configuration is not written yet, or not so that it can be read. */
const PASSING: readonly ErrorCode[] = ['unreachable', 'timeout', 'not-found', 'unreadable'];
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;

/**
 * Joins the cluster, for as long as it takes.
 *
 * @returns undefined when `signal` was aborted first
 * @throws CausewayError for what no waiting mends: a name or an id that is another machine's
 */
export async function joinPatiently(
  store: Store,
  input: JoinInput,
  log: Logger,
  signal: AbortSignal,
): Promise<Membership | undefined> {
  for (let pause = RETRY_MIN_MS; !signal.aborted; pause = Math.min(pause * 2, RETRY_MAX_MS)) {
    try {
      return await joinCluster(store, input);
    } catch (error) {
      if (!(error instanceof CausewayError) || !PASSING.includes(error.code)) throw error;
      log.warn({ reason: messageOf(error), retryMs: pause }, 'not joined yet');
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}
