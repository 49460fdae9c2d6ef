import { CausewayError } from '@causeway/shared/errors';
import { decodeContainerStatus, decodeNode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';

/**
 * Takes this host out of the cluster: its record, its subnet with the claim, its report and its containers' states.
 * Keys of a host that took over the name meanwhile are not touched.
 *
 * @returns a sentence for each thing that was given back
 * @throws CausewayError `unreachable`, `conflict` when the host's record changes under our hands
 */
export async function leaveCluster(store: Store, name: string, id: string): Promise<readonly string[]> {
  const [kv, states] = await Promise.all([
    store.get(keys.node(name)),
    store.list(keys.containerStatusPrefix),
  ]);
  const record = kv === undefined ? undefined : decodeNode(kv);
  if (kv === undefined || record === undefined || record instanceof CausewayError || record.id !== id)
    return [];

  const { subnet } = record;
  const claim = await store.get(keys.claim(subnet));
  const ours = claim?.value === id;
  const gone = [
    ...(ours ? [keys.subnet(subnet), keys.claim(subnet)] : []),
    ...[keys.node(name), keys.alive(name), keys.report(name)],
  ];
  const guards = [
    { key: kv.key, modRevision: kv.modRevision },
    ...(ours ? [{ key: claim.key, modRevision: claim.modRevision }] : []),
  ];
  const { ok } = await store.transaction(
    guards,
    gone.map((key) => ({ delete: key })),
  );
  if (!ok)
    throw new CausewayError(
      'conflict',
      `taking ${name} out of the cluster: its record changed meanwhile; run it again`,
    );
  for (const state of states.items.filter((one) => isOf(one, name))) {
    await store.transaction([{ key: state.key, modRevision: state.modRevision }], [{ delete: state.key }]);
  }
  return [`gave back ${ours ? `subnet ${subnet} and ` : ''}the name ${name}`];
}

function isOf(kv: KeyValue, host: string): boolean {
  const state = decodeContainerStatus(kv);
  return !(state instanceof CausewayError) && state.host === host;
}
