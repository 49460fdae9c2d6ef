import { isDeepStrictEqual } from 'node:util';
import { CausewayError, show } from '@causeway/shared/errors';
import type { NetworkPolicy } from '@causeway/shared/model/network-policy';
import type { ParsedNetworkPolicyInput } from '@causeway/shared/model/network-policy-input';
import { decodePolicy, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';
import type { WriteOptions } from '../allocate/service-writer.ts';
import { checkIfMatch } from '../if-match.ts';
import type { View } from '../view/view.ts';
import { checkPolicy } from './check.ts';
import { resolvePeers } from './resolve.ts';
import { peerPlaces } from './update.ts';

/** How long a write's answer waits for the view to hold it, milliseconds. */
const VIEW_MS = 3_000;

export interface WrittenPolicy {
  readonly policy: NetworkPolicy;
  /** 0 for a dry run of a new one. */
  readonly revision: number;
  readonly created: boolean;
}

/** Writes policies: each with whom it means, in one transaction, guarded by its revision. */
export class PolicyWriter {
  readonly #store: Store;
  readonly #view: View;

  constructor(store: Store, view: View) {
    this.#store = store;
    this.#view = view;
  }

  /** @throws CausewayError `invalid`, or `conflict` when another policy has the name */
  async create(input: ParsedNetworkPolicyInput, dryRun: boolean): Promise<WrittenPolicy> {
    return this.#put(input, { ifMatch: undefined, dryRun }, (policy, old) => {
      if (old === undefined || isDeepStrictEqual(old, policy)) return;
      throw new CausewayError(
        'conflict',
        `name "${policy.name}" is taken by another policy; PUT replaces it, or choose another name`,
        { field: 'name', value: policy.name },
      );
    });
  }

  /** Makes it or replaces it. @throws CausewayError as `create` */
  async replace(input: ParsedNetworkPolicyInput, options: WriteOptions): Promise<WrittenPolicy> {
    return this.#put(input, options, () => {});
  }

  /** @throws CausewayError `not-found` */
  async remove(name: string, options: WriteOptions): Promise<{ readonly revision: number }> {
    const key = keys.policySpec(name);
    const found = await this.#store.get(key);
    checkIfMatch(options.ifMatch, `policy "${name}"`, found?.modRevision);
    if (found === undefined) throw noPolicy(name);
    if (options.dryRun) return { revision: found.modRevision };
    const guard = { key, modRevision: found.modRevision };
    const result = await this.#store.transaction(
      [guard],
      [{ delete: key }, { delete: keys.policyPeers(name) }],
    );
    if (!result.ok) return this.remove(name, options);
    await this.#view.reached('causeway', result.revision, VIEW_MS);
    return { revision: result.revision };
  }

  /** @param check throws when the one that is there must not be replaced */
  async #put(
    input: ParsedNetworkPolicyInput,
    options: WriteOptions,
    check: (policy: NetworkPolicy, old: NetworkPolicy | CausewayError | undefined) => void,
  ): Promise<WrittenPolicy> {
    const policy = checkPolicy(input);
    const key = keys.policySpec(policy.name);
    const found = await this.#store.get(key);
    checkIfMatch(options.ifMatch, `policy "${policy.name}"`, found?.modRevision);
    const old = found && decodePolicy(found);
    check(policy, old);
    const revision = found?.modRevision ?? 0;
    if (isDeepStrictEqual(old, policy) || options.dryRun) return { policy, revision, created: false };
    const peers = resolvePeers(policy, peerPlaces(this.#view));
    const result = await this.#store.transaction(
      [guardOf(key, found)],
      [
        { put: key, value: encode(policy) },
        { put: keys.policyPeers(policy.name), value: encode(peers) },
      ],
    );
    if (!result.ok) return this.#put(input, options, check);
    await this.#view.reached('causeway', result.revision, VIEW_MS);
    return { policy, revision: result.revision, created: found === undefined };
  }
}

/** @returns the error for a policy that nobody knows. */
export function noPolicy(name: string): CausewayError {
  return new CausewayError('not-found', `there is no policy ${show(name)}`, { field: 'name', value: name });
}

function guardOf(key: string, found: KeyValue | undefined) {
  return found === undefined ? { key, absent: true as const } : { key, modRevision: found.modRevision };
}
