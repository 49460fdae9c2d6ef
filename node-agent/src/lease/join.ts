import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';
import { keys } from '@causeway/shared/store/keys';
import type { LeaseHandle, Store } from '@causeway/shared/store/store';
import { type Acquired, acquire, type Leases } from './acquire.ts';
import { createKeeper, DEFAULT_ALIVE_SECONDS, DEFAULT_OWNERSHIP_SECONDS } from './keeper.ts';
import type { JoinInput, Membership } from './membership.ts';
import { ID_FIELD } from './refuse.ts';

/** How often a host looks whether another start of itself is gone, milliseconds. */
const ID_RETRY_MS = 500;

/**
 * Registers this host, leases its subnets and keeps both. A host for which no subnet is free is registered without,
 * and gets one as soon as one is given back.
 *
 * @throws CausewayError as `acquire` does: `conflict` for a name that is another host's, for an id that another
 *   machine still uses after the time in which a dead one would have been noticed, …
 */
export async function joinCluster(store: Store, input: JoinInput): Promise<Membership> {
  const ownership = await store.grantLease(input.ownershipSeconds ?? DEFAULT_OWNERSHIP_SECONDS);
  let liveness: LeaseHandle | undefined;
  try {
    liveness = await store.grantLease(input.aliveSeconds ?? DEFAULT_ALIVE_SECONDS);
    const leases: Leases = { ownership, liveness };
    return createKeeper(store, input, leases, await acquirePatiently(store, input, leases));
  } catch (error) {
    const isUsed = await mayHold(store, ownership, input.node.name);
    const letGo = (lease: LeaseHandle | undefined) => (isUsed ? lease?.release() : lease?.revoke());
    await Promise.allSettled([ownership, liveness].map(letGo));
    throw error;
  }
}

/**
 * Whether this host's keys may be on the lease, by a write whose answer did not come: revoked, it would take the subnet
 * with it that an earlier start had.
 */
async function mayHold(store: Store, { id }: LeaseHandle, name: string): Promise<boolean> {
  const record = await store.get(keys.node(name)).catch(() => 'unknown' as const);
  return record === 'unknown' || record?.leaseId === id;
}

/** This host's own earlier start, with another address then, is noticed as dead after its sign of life ran out. */
async function acquirePatiently(store: Store, input: JoinInput, leases: Leases): Promise<Acquired> {
  const { node, instance, random = Math.random, lastSubnets = {}, flannelSubnets = {} } = input;
  const wishes = { current: {}, last: lastSubnets, flannel: flannelSubnets };
  const patienceMs = (input.aliveSeconds ?? DEFAULT_ALIVE_SECONDS) * 1000 + 2 * ID_RETRY_MS;
  for (let waitedMs = 0; ; waitedMs += ID_RETRY_MS) {
    try {
      return await acquire(store, { node, instance, wishes, leases, random });
    } catch (error) {
      const sameId = error instanceof CausewayError && error.field === ID_FIELD;
      if (!sameId || waitedMs >= patienceMs) throw error;
      await sleep(ID_RETRY_MS);
    }
  }
}
