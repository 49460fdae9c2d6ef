import type { NodeRecord } from '@causeway/shared/model/node';
import { parseBlock } from '@causeway/shared/net/block';
import { type ByFamily, entriesOf, mapFamilies } from '@causeway/shared/net/family';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import type { Candidate } from './membership.ts';
import { isSame } from './pick.ts';
import { type Attempt, type Put, subnetsOf, takenByOthers } from './plan.ts';
import { isOtherMachine } from './refuse.ts';
import type { Registry } from './registry.ts';

/** What this host wrote last, and on which leases of etcd. */
export interface Written {
  readonly record: NodeRecord;
  readonly puts: readonly Put[];
  readonly leaseIds: LeaseIds;
  /** The revision of etcd in which each key was written. */
  readonly revisions: ReadonlyMap<string, number>;
}

export interface Self {
  readonly node: Candidate;
  readonly instance: string;
}

export type LeaseIds = Readonly<Record<Put['on'], string>>;

/** How etcd differs from what this host wrote last. */
export interface Finding {
  /** Subnets that are another's by now. */
  readonly foreign: ByFamily<string>;
  /** Undefined: all that was written is there. */
  readonly lost?: { readonly what: Put['on']; readonly reason: string };
}

export function findingOf(registry: Registry, written: Written, self: Self): Finding {
  const own = subnetsOf(written.record);
  const lease = written.puts.find(({ key }) => key.startsWith(keys.subnetPrefix));
  const twinHasIt =
    lease !== undefined &&
    !isThere(registry, lease, written.leaseIds) &&
    isOtherMachine(self.node, self.instance, registry.identity);
  const foreign = mapFamilies(own, (subnet, family) => {
    const block = parseBlock(subnet);
    const others = takenByOthers(registry.holdings, family).filter((one) => one.kind !== 'reservation');
    const isTaken = block !== undefined && others.some((one) => isSame(one.block, block));
    return isTaken || twinHasIt ? subnet : undefined;
  });
  const gone = written.puts.filter((put) => !isThere(registry, put, written.leaseIds));
  const [first] = gone;
  if (first === undefined && entriesOf(foreign).length === 0) return { foreign };
  const what = gone.some(({ on }) => on === 'ownership') || first === undefined ? 'ownership' : 'liveness';
  return { foreign, lost: { what, reason: reasonOf(registry, first, foreign) } };
}

/**
 * Asks etcd, in one request, whether nobody touched any key since this host wrote it.
 *
 * @throws CausewayError `unreachable`, `timeout`
 */
export async function isUntouched(store: Store, { revisions }: Written): Promise<boolean> {
  const guards = [...revisions].map(([key, modRevision]) => ({ key, modRevision }));
  return (await store.transaction(guards, [])).ok;
}

/** Whether etcd holds all that the attempt would write, so that there is nothing to write. */
export function isWritten(registry: Registry, attempt: Attempt, leaseIds: LeaseIds): boolean {
  return attempt.deletes.length === 0 && attempt.puts.every((put) => isThere(registry, put, leaseIds));
}

function isThere(registry: Registry, { key, value, on }: Put, leaseIds: LeaseIds): boolean {
  const kv = registry.get(key);
  return kv !== undefined && kv.value === value && kv.leaseId === leaseIds[on];
}

function reasonOf(registry: Registry, gone: Put | undefined, foreign: ByFamily<string>): string {
  const taken = entriesOf(foreign).map(([, subnet]) => subnet);
  if (taken.length > 0) return `etcd has ${taken.join(' and ')} as another host's`;
  const key = gone?.key ?? keys.subnetPrefix;
  const how = registry.get(key) === undefined ? 'is gone' : 'is not as this host wrote it';
  return `etcd key ${key} ${how}`;
}
