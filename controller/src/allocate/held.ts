import { CausewayError } from '@causeway/shared/errors';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { decodeServiceSpec } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';
import { allocations } from './transaction.ts';

/**
 * The keys of what a service holds: addresses and ports.
 *
 * @param ask whether to ask etcd which of them are there, after a transaction that relied on them failed
 */
export async function heldBySpec(store: Store, spec: ServiceSpec, ask: boolean): Promise<readonly string[]> {
  const supposed = allocations(spec);
  if (!ask) return supposed;
  const found = await Promise.all(supposed.map((key) => store.get(key)));
  return found.flatMap((item) => (item?.value === spec.name ? [item.key] : []));
}

/** As `heldBySpec`, also when the spec does not parse. */
export async function heldByName(
  store: Store,
  name: string,
  found: KeyValue,
  ask: boolean,
): Promise<readonly string[]> {
  const spec = decodeServiceSpec(found);
  if (!(spec instanceof CausewayError)) return heldBySpec(store, spec, ask);
  const all = await store.list(keys.allocationPrefix);
  return all.items.filter((item) => item.value === name).map((item) => item.key);
}
