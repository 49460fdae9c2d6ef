import { CausewayError, type ErrorCode } from '@causeway/shared/errors';
import type { Store } from '@causeway/shared/store/store';
import type { Update } from './update.ts';

/** Codes of a store that does not answer. */
const AWAY: readonly ErrorCode[] = ['unreachable', 'timeout'];
/** Most characters of one transaction's sets; etcd takes requests of 1.5 MB. */
const MAX_CHARACTERS = 400_000;

/**
 * Writes what services' endpoints are to be: many in one transaction, since thousands of them change when a host dies.
 * Where one of them has changed meanwhile, or is refused, each is written by itself. A lost race needs no answer: the
 * change that won is on its way here, and brings the service back.
 *
 * @param updates as many as have room in a transaction
 * @throws CausewayError as the store does
 */
export async function write(
  store: Store,
  updates: readonly Update[],
  log: { debug(line: object, message: string): void },
): Promise<void> {
  await eachOf(grouped(updates), async (group) => {
    const isWritten = group.length > 1 && (await put(store, group, log).catch(refusal));
    if (!isWritten) await eachOf(group, (update) => put(store, [update], log));
  });
}

/**
 * Acts for one after the other. What etcd refuses of one is no reason for the others to wait; when it is not there,
 * they do.
 *
 * @throws the first error, at the end or when etcd is not there
 */
export async function eachOf<T>(all: readonly T[], act: (one: T) => Promise<unknown>): Promise<void> {
  let fault: { readonly error: unknown } | undefined;
  for (const one of all) {
    try {
      await act(one);
    } catch (error) {
      refusal(error);
      fault ??= { error };
    }
  }
  if (fault !== undefined) throw fault.error;
}

/** Of several at once etcd may refuse one. @throws the error when etcd is not there */
function refusal(error: unknown): false {
  if (error instanceof CausewayError && AWAY.includes(error.code)) throw error;
  return false;
}

async function put(
  store: Store,
  group: readonly Update[],
  log: { debug(line: object, message: string): void },
) {
  const guards = group.flatMap((update) => update.guards);
  const { ok } = await store.transaction(
    guards,
    group.flatMap((update) => update.writes),
  );
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
