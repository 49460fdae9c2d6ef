import { isDeepStrictEqual } from 'node:util';
import type { OwnSubnets } from '@causeway/shared/desired/host';
import { messageOf } from '@causeway/shared/errors';
import type { EventKind, NodeEvent } from '@causeway/shared/model/event';
import type { LeaseHandle, Store } from '@causeway/shared/store/store';
import type { HostFiles } from '../host-files.ts';
import type { Candidate, JoinInput, Membership, MembershipEvent } from '../lease/membership.ts';
import type { Logger } from '../logger.ts';
import { joinPatiently } from './join.ts';

/** This host's place in the cluster over changes of its address, of the network, and losses of its leases. */
export interface Place {
  /** What this host may use; a family that is absent waits for a subnet, or was fenced from one that is another's. */
  subnets(): OwnSubnets;
  /** What keys are written on that go when the host is gone for good. */
  ownership(): LeaseHandle;
  /** A sentence while the place is in doubt, a subnet is waited for, or the network's configuration is not followed. */
  problem(): string | undefined;
  /** Milliseconds until name and subnets (`ownership`) and the sign of life (`liveness`) run out if etcd stays away. */
  leaseLeftMs(): { readonly ownership: number; readonly liveness: number };
  /** Says anew who and where this host is; nothing happens when etcd holds that already. */
  present(node: Candidate): void;
  /**
   * Looks in etcd whether the subnets, the name and the sign of life are still ours and follow the configuration, and
   * writes them again if not. Call it when `placeIsDoubtful` says so of what the watch brought.
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
  /** The subnets may have changed, and what was written on the old lease is gone. */
  readonly onChange: () => void;
  /** Something that people should hear of; the message is one sentence. For `EventLog.add`. */
  readonly onEvent: (kind: EventKind, severity: NodeEvent['severity'], message: string) => void;
}

/** @returns undefined when `signal` was aborted first. @throws CausewayError as `joinPatiently` */
export async function takePlace(deps: PlaceDeps): Promise<Place | undefined> {
  const { store, files, log, signal, onChange } = deps;
  let input = deps.input;
  let problem: string | undefined;
  let moving: Promise<void> | undefined;
  let remembering = Promise.resolve();
  const first = await joinPatiently(store, input, log, signal);
  if (first === undefined) return undefined;
  let membership: Membership = first;

  // A help for the next start, no more: a full disk keeps no host out of the cluster.
  const remember = (subnet: string) => {
    remembering = remembering
      .then(() => files.rememberSubnet(subnet))
      .catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'the subnet could not be noted on disk'),
      );
  };
  const attend = (joined: Membership) => {
    membership = joined;
    joined.onEvent((event) => heed(event));
    log.info({ subnet: joined.record.subnet, publicIp: joined.record.publicIp }, 'joined');
    remember(joined.record.subnet);
  };
  const heed = (event: MembershipEvent) => {
    if (event.kind === 'restored' || event.kind === 'moved') {
      problem = undefined;
      log.warn(event, `place in the cluster ${event.kind}`);
      remember(membership.record.subnet);
      onChange();
    } else {
      problem = `keeping this host's place in the cluster: ${event.reason}`;
      log.warn(event, problem);
    }
  };
  const move = async () => {
    const before = membership;
    const joined = await joinPatiently(store, { ...input, lastSubnet: before.record.subnet }, log, signal);
    if (joined === undefined) return;
    before.stop();
    attend(joined);
    onChange();
  };
  attend(first);
  return {
    get subnet() {
      return membership.record.subnet;
    },
    ownership: () => membership.ownership,
    problem: () => problem,
    present: (node) => {
      if (moving !== undefined || isDeepStrictEqual(node, input.node)) return;
      input = { ...input, node };
      moving = move()
        .catch((error: unknown) =>
          log.error({ reason: String(error) }, 'the new address could not be announced'),
        )
        .finally(() => {
          moving = undefined;
        });
    },
    verify: () => {
      // On the way to a new address, etcd may have the new record while this is still the old one.
      if (moving !== undefined) return;
      membership
        .verify()
        .catch((error: unknown) => log.debug({ reason: String(error) }, 'own place not verified'));
    },
    leave: async () => {
      await moving;
      membership.stop();
      await remembering;
    },
  };
}
