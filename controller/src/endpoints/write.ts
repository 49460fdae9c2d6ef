import { CausewayError, type ErrorCode } from '@causeway/shared/errors';
import type { Store } from '@causeway/shared/store/store';
import type { Update } from './update.ts';

/** Codes of a store that does not answer. */
const AWAY: readonly ErrorCode[] = ['unreachable', 'timeout'];
/** Most characters of one transaction's sets; etcd takes requests of 1.5 MB. */
const MAX_CHARACTERS = 400_000;
/** How many transactions are under way at a time: etcd's disk takes several in one write. */
const IN_FLIGHT = 4;

export interface WriteLog {
  debug(line: object, message: string): void;
}

/**
 * Writes what services' endpoints are to be: many in one transaction, since thousands of them change when a host dies.
 * Where etcd refuses several at once, each is written by itself. One by itself that loses a race needs no answer: the
 * change that won is on its way here, and brings the service back.
 *
 * @param updates as many as have room in a transaction
 * @returns of those that were to be written together, the ones that were not, since one had changed
 * @throws CausewayError as the store does
 */
export async function write(
  store: Store,
  updates: readonly Update[],
  log: WriteLog,
): Promise<readonly Update[]> {
  const lost: Update[] = [];
  await eachOf(grouped(updates), async (group) => {
    if (group.length === 1) return put(store, group, log);
    const isWritten = await put(store, group, log).catch(refusal);
    if (isWritten === undefined) return eachOf(group, (update) => put(store, [update], log));
    return isWritten || lost.push(...group);
  });
  return lost;
}

/**
 * Acts for each, for some of them at a time. What etcd refuses of one is no reason for the others to wait; when it is
 * not there, they do.
 *
 * @throws the first error, at the end or when etcd is not there
 */
export async function eachOf<T>(all: readonly T[], act: (one: T) => Promise<unknown>): Promise<void> {
  const left = all.values();
  let fault: { readonly error: unknown } | undefined;
  let isAway = false;
  const worker = async () => {
    for (const one of left) {
      if (isAway) return;
      try {
        await act(one);
      } catch (error) {
        fault ??= { error };
        isAway ||= isAwayError(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, all.length) }, worker));
  if (fault !== undefined) throw fault.error;
}

/** Of several at once etcd may refuse one. @throws the error when etcd is not there */
function refusal(error: unknown): undefined {
  if (isAwayError(error)) throw error;
}

function isAwayError(error: unknown): boolean {
  return error instanceof CausewayError && AWAY.includes(error.code);
}

async function put(store: Store, group: readonly Update[], log: WriteLog): Promise<boolean> {
  const guards = group.flatMap((update) => update.guards);
  const writes = group.flatMap((update) => update.writes);
  const { ok } = await store.transaction(guards, writes);
  for (const { set } of group)
    log.debug(
      { service: set.service, endpoints: set.endpoints.length, unresolved: set.unresolved, written: ok },
      'endpoints resolved',
    );
  return ok;
}

function grouped(updates: readonly Update[]): readonly (readonly Update[])[] {
  const groups: Update[][] = [];
  let characters = Number.POSITIVE_INFINITY;
  for (const update of updates) {
    const more = update.writes.reduce((sum, one) => sum + ('put' in one ? one.value.length : 0), 0);
    if (characters + more > MAX_CHARACTERS) {
      groups.push([]);
      characters = 0;
    }
    groups.at(-1)?.push(update);
    characters += more;
  }
  return groups;
}
