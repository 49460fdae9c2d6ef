import { isDeepStrictEqual } from 'node:util';
import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { decodeContainer } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';

/**
 * Deletes the definitions of containers of others that have ended for good: nobody can start a process or a namespace
 * again that was known by its number or its path. One that was defined anew in the meantime stays.
 *
 * @param specs as the states were judged by
 * @returns names of those that are no more
 */
export async function dropDetached(
  store: Store,
  specs: readonly ContainerSpec[],
  states: readonly ContainerStatus[],
): Promise<readonly string[]> {
  const ended = new Set(states.filter(({ state }) => state === 'detached').map(({ name }) => name));
  const dropped: string[] = [];
  for (const spec of specs.filter(({ name, attach }) => ended.has(name) && isMortal(attach))) {
    const kv = await store.get(keys.container(spec.name));
    const found = kv === undefined ? undefined : decodeContainer(kv);
    if (kv === undefined || found instanceof CausewayError || !isDeepStrictEqual(found, spec)) continue;
    if (await drop(store, kv, spec)) dropped.push(spec.name);
  }
  return dropped;
}

/** With it go the addresses that were chosen for it, which nobody else could have. */
async function drop(
  store: Store,
  { key, modRevision }: KeyValue,
  { name, network }: ContainerSpec,
): Promise<boolean> {
  const chosen = network?.kind === 'bridge' ? [network.address, network.ipv6Address] : [];
  const claims = await Promise.all(
    chosen.flatMap((address) => (address === undefined ? [] : store.get(keys.containerAddress(address)))),
  );
  const own = claims.filter((claim) => claim !== undefined).filter(({ value }) => value === name);
  const { ok } = await store.transaction(
    [{ key, modRevision }, ...own.map((claim) => ({ key: claim.key, modRevision: claim.modRevision }))],
    [{ delete: key }, ...own.map((claim) => ({ delete: claim.key }))],
  );
  return ok;
}

function isMortal(attach: ContainerSpec['attach']): boolean {
  return attach?.kind === 'pid' || attach?.kind === 'netns';
}
