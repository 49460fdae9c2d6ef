import type { Store } from '@causeway/shared/store/store';
import type { Update } from './update.ts';

/** Most characters of one transaction's sets; etcd takes requests of 1.5 MB. */
const MAX_CHARACTERS = 400_000;

/**
 * Writes what services' endpoints are to be: many in one transaction, since thousands of them change when a host dies.
 * Where one of them has changed meanwhile, each is written by itself. A lost race needs no answer: the change that won
 * is on its way here, and brings the service back.
 *
 * @param updates as many as have room in a transaction
 * @throws CausewayError as the store does
 */
export async function write(
  store: Store,
  updates: readonly Update[],
  log: { debug(line: object, message: string): void },
): Promise<void> {
  for (const group of grouped(updates)) {
    if ((await put(store, group, log)) || group.length === 1) continue;
    for (const update of group) await put(store, [update], log);
  }
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
