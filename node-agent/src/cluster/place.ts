import { isDeepStrictEqual } from 'node:util';
import type { OwnSubnets } from '@causeway/shared/desired/host';
import { messageOf } from '@causeway/shared/errors';
import type { EventKind, NodeEvent } from '@causeway/shared/model/event';
import { keys } from '@causeway/shared/store/keys';
import type { BuiltSnapshot } from '@causeway/shared/store/snapshot';
import type { Guard, LeaseHandle, Store } from '@causeway/shared/store/store';
import type { HostFiles } from '../host-files.ts';
import { doubtOf } from '../lease/doubt.ts';
import type { Candidate, JoinInput, Membership, MembershipEvent } from '../lease/membership.ts';
import { signOfLife } from '../lease/plan.ts';
import type { Logger } from '../logger.ts';
import { joinPatiently } from './join.ts';
import { addressesOf, subnetsIn, type Told, tellOf } from './told.ts';

/** This host's place in the cluster over changes of its address, of the network, and losses of its leases. */
export interface Place {
  /** What this host may use; a family that is absent waits for a subnet, or was fenced from one that is another's. */
  subnets(): OwnSubnets;
  /** What keys are written on that go when the host is gone for good. */
  ownership(): LeaseHandle;
  /** What keys are written on that go when this agent is not heard of for some seconds. */
  liveness(): LeaseHandle;
  /** Holds while the sign of life in etcd is this agent's, and not that of a clone or of a later start. */
  readonly alive: Guard;
  /** A sentence while the place is in doubt or a subnet is waited for. */
  problem(): string | undefined;
  /** Milliseconds until name and subnets (`ownership`) and the sign of life (`liveness`) run out if etcd stays away. */
  leaseLeftMs(): { readonly ownership: number; readonly liveness: number };
  /** Says anew who and where this host is; nothing happens when etcd holds that already. */
  present(node: Candidate): void;
  /**
   * What the watch brought: call it after each change of the network's keys or the settings. Looks in etcd when the own
   * lease is not there as it was written, when another's names the same subnet, or when hosts follow another
   * configuration; tells when one is refused.
   */
  heed(built: BuiltSnapshot): void;
  /**
   * Asks etcd, in one request, whether the subnets, the name and the sign of life are still as they were written, and
   * looks and writes them again if not: for now and then, and when etcd is back.
   */
  verify(): void;
  /** Leaves all keys to run out. */
  leave(): Promise<void>;
}

export interface PlaceDeps {
  readonly store: Store;
  readonly files: HostFiles;
  readonly log: Logger;
  readonly input: JoinInput;
  readonly signal: AbortSignal;
  /** The subnets may have changed, and what was written on the old leases is gone. */
  readonly onChange: () => void;
  /** Something that people should hear of; the message is one sentence. For `EventLog.add`. */
  readonly onEvent: (kind: EventKind, severity: NodeEvent['severity'], message: string) => void;
}

/** Hosts that follow another configuration rewrite their leases within this time, milliseconds. */
const FOLLOW_SPREAD_MS = 500;

/**
 * Joins the cluster, for as long as it takes. A host for which no subnet is free has a place without one.
 *
 * @returns undefined when `signal` was aborted first
 * @throws CausewayError as `joinPatiently`: a name or an id that is another machine's
 */
export async function takePlace(deps: PlaceDeps): Promise<Place | undefined> {
  const membership = await joinPatiently(deps.store, deps.input, deps.log, deps.signal);
  return membership === undefined ? undefined : keepPlace(deps, membership);
}

function keepPlace(deps: PlaceDeps, membership: Membership): Place {
  const { log, input, onChange } = deps;
  const remember = rememberer(deps);
  let node = input.node;
  let problem: string | undefined;
  let refused: string | undefined;
  let follow: NodeJS.Timeout | undefined;

  const tell = ({ kind, severity, message }: Told) => {
    log[severity === 'warning' ? 'warn' : 'info']({ kind }, message);
    deps.onEvent(kind, severity, message);
  };
  const tellRefused = (reason: string | undefined) => {
    if (reason !== undefined && reason !== refused)
      tell({ kind: 'network-refused', severity: 'warning', message: reason });
    refused = reason;
  };
  const onMembership = (event: MembershipEvent) => {
    if (event.kind === 'network-refused') return tellRefused(event.reason);
    const isTrouble = ['lost', 'retrying', 'duplicate-id', 'fenced'].includes(event.kind);
    const before = problem;
    problem =
      isTrouble && 'reason' in event
        ? `keeping this host's place in the cluster: ${event.reason}`
        : undefined;
    const told = tellOf(event, membership);
    if (told === undefined) log.warn(event, problem ?? event.kind);
    // It is tried again for as long as it lasts, and told once.
    else if (event.kind !== 'duplicate-id' || problem !== before) tell(told);
    if (event.kind === 'lost' || event.kind === 'retrying' || event.kind === 'duplicate-id') return;
    if (event.kind !== 'fenced') remember(membership.subnets);
    onChange();
  };
  const look = (how: 'check' | 'verify') => () => {
    membership[how]().catch((error: unknown) =>
      log.debug({ reason: messageOf(error) }, 'own place not verified'),
    );
  };
  const verify = look('verify');

  membership.onEvent(onMembership);
  remember(membership.subnets);
  if (Object.keys(membership.subnets).length > 0)
    tell({
      kind: 'joined',
      severity: 'info',
      message: `joined with ${subnetsIn(membership.subnets)} at ${addressesOf(node)}`,
    });
  if (membership.waiting !== undefined)
    tell({ kind: 'waiting', severity: 'warning', message: membership.waiting });
  tellRefused(membership.refused);
  return {
    subnets: () => membership.subnets,
    ownership: () => membership.ownership,
    liveness: () => membership.liveness,
    alive: { key: keys.alive(node.name), value: signOfLife(node, input.instance) },
    problem: () => problem ?? membership.waiting,
    leaseLeftMs: () => ({
      ownership: membership.ownership.remainingMs(),
      liveness: membership.liveness.remainingMs(),
    }),
    present: (found) => {
      if (isDeepStrictEqual(found, node)) return;
      const [from, to] = [addressesOf(node), addressesOf(found)];
      node = found;
      if (from !== to)
        tell({ kind: 'address-changed', severity: 'info', message: `is at ${to} instead of ${from}` });
      membership
        .present(found)
        .catch((error: unknown) => log.debug({ reason: messageOf(error) }, 'own record not written'));
    },
    heed: ({ snapshot, unreadable, refused: refusal }) => {
      tellRefused(refusal?.reason);
      if (snapshot === undefined || snapshot.networkRevision < membership.revision) return;
      const { config, leases } = snapshot;
      const { record, config: followed } = membership;
      const doubt = doubtOf({ config, leases, unreadable, record, followed });
      if (doubt === 'lease') verify();
      if (doubt === 'network')
        follow ??= setTimeout(() => {
          follow = undefined;
          verify();
        }, Math.random() * FOLLOW_SPREAD_MS);
    },
    verify: look('check'),
    leave: async () => {
      clearTimeout(follow);
      membership.stop();
      await remember.done();
    },
  };
}

/** A help for the next start, no more: a full disk keeps no host out of the cluster. */
function rememberer({ files, log }: PlaceDeps) {
  let remembering = Promise.resolve();
  const remember = (subnets: OwnSubnets) => {
    if (Object.keys(subnets).length === 0) return;
    remembering = remembering
      .then(() => files.rememberSubnets(subnets))
      .catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'the subnets could not be noted on disk'),
      );
  };
  return Object.assign(remember, { done: () => remembering });
}
