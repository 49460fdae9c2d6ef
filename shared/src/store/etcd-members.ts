import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError } from '../errors.ts';
import { hasNoLeader, wasMemberFault, wasNeverSent } from './etcd-errors.ts';

/**
 * Which of etcd's members is asked, and when another one is asked instead: the two policies that etcd3 calls through.
 */
export interface Policy {
  onSuccess(): { dispose(): void };
  onFailure(): { dispose(): void };
  readonly _altReturn: never;
  execute<T>(ask: (context: { signal: AbortSignal }) => PromiseLike<T> | T, signal?: AbortSignal): Promise<T>;
}

/** A member that did not answer is left alone for this long, while there is another, milliseconds. */
const AVOID_MS = 10_000;
const ELECTION_PAUSE_MS = 100;

/**
 * @param count how many members there are
 * @param now milliseconds on a clock that never jumps
 * @param patienceMs how long a request may wait while the members have no leader
 */
export function memberPolicies(count: number, now: () => number, patienceMs: number) {
  const avoided = new Map<symbol, number>();

  /**
   * A machine that is gone answers nothing, not even with a refusal: without a memory, one call of three would wait for
   * its time limit.
   */
  function member(): Policy {
    const me = Symbol('member');
    return policy(async (ask) => {
      for (const [other, until] of avoided) if (until <= now()) avoided.delete(other);
      // Before the call: etcd3 then asks the next member.
      if (avoided.has(me) && avoided.size < count)
        throw new CausewayError('unreachable', 'this member of etcd did not answer a moment ago');
      try {
        const answer = await ask();
        avoided.delete(me);
        return answer;
      } catch (error) {
        if (wasMemberFault(error)) avoided.set(me, now() + AVOID_MS);
        throw error;
      }
    });
  }

  /**
   * etcd3 sends a failed request again by default, writes too, and then a transaction that had succeeded answers
   * that its guards do not hold. This policy asks the next member only when the request surely was not carried out,
   * and waits for the election of a leader.
   */
  const all = policy(async (ask) => {
    const giveUp = now() + patienceMs;
    let isElection = false;
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask();
      } catch (error) {
        isElection ||= hasNoLeader(error);
        const isLast = attempt >= count && (!isElection || now() >= giveUp);
        if (isLast || !wasNeverSent(error)) throw error;
        if (attempt >= count) await sleep(ELECTION_PAUSE_MS);
      }
    }
  });
  return { member, all };
}

function policy(execute: <T>(ask: () => Promise<T>) => Promise<T>): Policy {
  const silent = () => ({ dispose: () => {} });
  return {
    onSuccess: silent,
    onFailure: silent,
    get _altReturn(): never {
      throw new CausewayError('internal', 'a property that exists for the type checker only was read');
    },
    execute: (ask, signal = new AbortController().signal) => execute(async () => ask({ signal })),
  };
}
