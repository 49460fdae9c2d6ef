import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';
import type { NodeRecord } from '@causeway/shared/model/node';
import type { Family } from '@causeway/shared/net/family';
import type { LeaseHandle, Store } from '@causeway/shared/store/store';
import { describeWaiting } from './exhausted.ts';
import { type Finding, findingOf, isWritten, type LeaseIds, type Written } from './finding.ts';
import type { Candidate } from './membership.ts';
import { type Attempt, planAttempt, type Wishes } from './plan.ts';
import { refuse } from './refuse.ts';
import { type FollowedNetwork, type Registry, readRegistry } from './registry.ts';

export interface AcquireInput {
  readonly node: Candidate;
  /** Made new at each start of the agent. */
  readonly instance: string;
  readonly wishes: Wishes;
  readonly leases: Leases;
  /** What this agent wrote before; absent: it has just started. */
  readonly written?: Written;
  /** 0 ≤ random() < 1 */
  readonly random: () => number;
  /** Told of what is found in etcd before anything is written: the moment to stop using what is another's. */
  readonly onFinding?: (finding: Finding) => void;
}

export interface Leases {
  /** Holds the node record, the subnet lease and its claims. */
  readonly ownership: LeaseHandle;
  /** Holds the keys that say that the host is alive, and who uses its id. */
  readonly liveness: LeaseHandle;
}

export interface Acquired extends Written {
  readonly record: NodeRecord;
  readonly network: FollowedNetwork;
  /** Why a family has no subnet, one sentence; undefined when every family of the network has one. */
  readonly waiting: string | undefined;
  /** Families without a free subnet. */
  readonly exhausted: readonly Family[];
  /** How many attempts others overtook. */
  readonly races: number;
}

/** What `field` is when a lease that was to be written on is gone. */
export const LEASE_FIELD = 'lease';

/** A race is lost only when somebody else won it, so this many mean that something else is wrong. */
const MAX_RACES = 200;
/** All is read again after this many races, and after each that cannot be explained by what was contested. */
const FULL_READ_EACH = 8;
/** Pauses after lost races grow from the first to the last, milliseconds; each is a random part of that. */
const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 1_000;

/**
 * Registers the host and leases its subnets, all in one transaction, and tries again from what etcd then holds when
 * somebody was faster. Writes nothing when etcd holds all of it already. A host for which no subnet is free is
 * registered without.
 *
 * @throws CausewayError `conflict` when the name or the id is another host's, or the containers' network overlaps the
 *   hosts'; `not-found` without a network configuration; `unreadable`, `unreachable`, `timeout`
 */
export async function acquire(store: Store, input: AcquireInput): Promise<Acquired> {
  const { node, instance, leases, written } = input;
  let registry = await readRegistry(store, node);
  for (let races = 0; races < MAX_RACES; races++) {
    if (written !== undefined) input.onFinding?.(findingOf(registry, written, { node, instance }));
    refuse(node, instance, registry);
    const random = { ipv4: input.random(), ipv6: input.random() };
    const attempt = planAttempt(registry, { ...input, random });
    const revisions = await settled(store, registry, attempt, leases);
    if (revisions !== undefined)
      return acquired(store, registry, attempt, { node, races, leaseIds: idsOf(leases), revisions });
    await sleep(input.random() * Math.min(MIN_PAUSE_MS * 2 ** races, MAX_PAUSE_MS));
    registry = await readAgain(store, registry, attempt, node, races + 1);
  }
  throw new CausewayError(
    'timeout',
    `leasing a subnet for host "${node.name}": ${MAX_RACES} attempts were overtaken by other hosts`,
  );
}

function idsOf({ ownership, liveness }: Leases): LeaseIds {
  return { ownership: ownership.id, liveness: liveness.id };
}

/** @returns in which revision each key was written, by this call or before; undefined: somebody was faster */
async function settled(
  store: Store,
  registry: Registry,
  attempt: Attempt,
  leases: Leases,
): Promise<ReadonlyMap<string, number> | undefined> {
  const isThere = isWritten(registry, attempt, idsOf(leases));
  const revision = isThere ? undefined : await write(store, attempt, leases);
  if (!isThere && revision === undefined) return undefined;
  return new Map(attempt.puts.map(({ key }) => [key, revision ?? registry.get(key)?.modRevision ?? 0]));
}

/** @returns the revision; undefined: a guard did not hold, and nothing was written */
async function write(store: Store, attempt: Attempt, leases: Leases): Promise<number | undefined> {
  try {
    const { ok, revision } = await store.transaction(attempt.guards, [
      ...attempt.deletes.map((key) => ({ delete: key })),
      ...attempt.puts.map(({ key, value, on }) => ({ put: key, value, lease: leases[on] })),
    ]);
    return ok ? revision : undefined;
  } catch (error) {
    if (!(error instanceof CausewayError) || error.code !== 'not-found') throw error;
    // etcd knows one of the leases no more, and our own clock does not say so yet.
    throw new CausewayError('not-found', error.message, { field: LEASE_FIELD, cause: error });
  }
}

/**
 * A lost race is most often about the subnet that was chosen: a few keys tell, and the other thousand need not be read
 * again, since each write is guarded.
 */
async function readAgain(
  store: Store,
  registry: Registry,
  attempt: Attempt,
  node: Candidate,
  races: number,
): Promise<Registry> {
  if (races % FULL_READ_EACH === 0) return readRegistry(store, node);
  for (const contested of attempt.contested) {
    const found = await Promise.all(contested.map(async (key) => [key, await store.get(key)] as const));
    if (found.some(([key, kv]) => kv?.modRevision !== registry.get(key)?.modRevision))
      return registry.with(new Map(found));
  }
  return readRegistry(store, node);
}

async function acquired(
  store: Store,
  { network, holdings }: Registry,
  { record, puts, exhausted }: Attempt,
  { node, ...more }: Pick<Acquired, 'races' | 'leaseIds' | 'revisions'> & { readonly node: Candidate },
): Promise<Acquired> {
  const waiting = await describeWaiting(store, { node, exhausted, config: network.config, holdings });
  return { record, network, puts, exhausted, waiting, ...more };
}
