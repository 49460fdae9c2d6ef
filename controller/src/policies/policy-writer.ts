import { isDeepStrictEqual } from 'node:util';
import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { NetworkPolicy } from '@causeway/shared/model/network-policy';
import type { ParsedNetworkPolicyInput } from '@causeway/shared/model/network-policy-input';
import { decodePolicy, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';
import type { WriteOptions } from '../allocate/service-writer.ts';
import { attempts } from '../attempts.ts';
import { checkIfMatch } from '../if-match.ts';
import type { View } from '../view/view.ts';
import { checkPolicy } from './check.ts';
import { resolvePeers } from './resolve.ts';
import { peerPlaces } from './update.ts';

/** Most policies that one transaction changes: each is two writes, and etcd takes 128. */
const MOST_AT_ONCE = 64;
/** How many policies are read of etcd at a time. */
const READ_AT_ONCE = 50;
/** Most bytes of all that a transaction writes: etcd takes 1.5 MiB, with keys and guards. */
const MOST_BYTES = 1_450_000;
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

  /**
   * Makes or replaces several, all or none of them: in one transaction. Those that are as they should be are left alone.
   *
   * @returns in the order of the inputs
   * @throws CausewayError `invalid`, whose field begins with `items[0]`
   */
  async replaceAll(
    inputs: readonly ParsedNetworkPolicyInput[],
    dryRun: boolean,
  ): Promise<readonly WrittenPolicy[]> {
    refuseTwice(inputs);
    const policies = inputs.map((input, index) => atItem(index, () => checkPolicy(input)));
    return attempts('changing several policies', async () => {
      const plans = await this.#plans(policies);
      const changes = plans.filter(({ isSame }) => !isSame);
      checkCount(changes.length);
      const writes = changes.flatMap(({ policy }) => this.#writes(policy));
      checkSize(writes);
      if (dryRun || changes.length === 0) return plans.map((plan) => resultOf(plan));
      const guards = changes.map(({ policy, found }) => guardOf(keys.policySpec(policy.name), found));
      const revision = await this.#write(guards, writes);
      return revision === undefined ? undefined : plans.map((plan) => resultOf(plan, revision));
    });
  }

  /** @throws CausewayError `not-found` */
  async remove(name: string, options: WriteOptions): Promise<{ readonly revision: number }> {
    return attempts(`removing policy "${name}"`, async () => {
      const key = keys.policySpec(name);
      const found = await this.#store.get(key);
      checkIfMatch(options.ifMatch, `policy "${name}"`, found?.modRevision);
      if (found === undefined) throw noPolicy(name);
      if (options.dryRun) return { revision: found.modRevision };
      const writes = [{ delete: key }, { delete: keys.policyPeers(name) }];
      const revision = await this.#write([guardOf(key, found)], writes);
      return revision === undefined ? undefined : { revision };
    });
  }

  /** @param check throws when the one that is there must not be replaced */
  async #put(
    input: ParsedNetworkPolicyInput,
    options: WriteOptions,
    check: (policy: NetworkPolicy, old: NetworkPolicy | CausewayError | undefined) => void,
  ): Promise<WrittenPolicy> {
    const policy = checkPolicy(input);
    return attempts(`changing policy "${policy.name}"`, async () => {
      const plan = await this.#plan(policy);
      const { found, old, isSame } = plan;
      checkIfMatch(options.ifMatch, `policy "${policy.name}"`, found?.modRevision);
      check(policy, old);
      if (isSame || options.dryRun) return resultOf(plan);
      const guard = guardOf(keys.policySpec(policy.name), found);
      const revision = await this.#write([guard], this.#writes(policy));
      return revision === undefined ? undefined : resultOf(plan, revision);
    });
  }

  /** @returns the revision, once the view holds it; undefined when a guard did not hold */
  async #write(...change: Parameters<Store['transaction']>): Promise<number | undefined> {
    const { ok, revision } = await this.#store.transaction(...change);
    if (!ok) return undefined;
    await this.#view.reached('causeway', revision, VIEW_MS);
    return revision;
  }

  async #plans(policies: readonly NetworkPolicy[]): Promise<readonly Plan[]> {
    const plans: Plan[] = [];
    for (let from = 0; from < policies.length; from += READ_AT_ONCE) {
      const some = policies.slice(from, from + READ_AT_ONCE);
      plans.push(...(await Promise.all(some.map((policy) => this.#plan(policy)))));
    }
    return plans;
  }

  async #plan(policy: NetworkPolicy): Promise<Plan> {
    const found = await this.#store.get(keys.policySpec(policy.name));
    const old = found && decodePolicy(found);
    return { policy, found, old, isSame: isDeepStrictEqual(old, policy) };
  }

  /** A policy, and whom it means. */
  #writes(policy: NetworkPolicy) {
    const peers = resolvePeers(policy, peerPlaces(this.#view));
    return [
      { put: keys.policySpec(policy.name), value: encode(policy) },
      { put: keys.policyPeers(policy.name), value: encode(peers) },
    ];
  }
}

interface Plan {
  readonly policy: NetworkPolicy;
  /** In etcd, and what that says. */
  readonly found: KeyValue | undefined;
  readonly old: NetworkPolicy | CausewayError | undefined;
  readonly isSame: boolean;
}

/** @param revision of the write; absent: there was none */
function resultOf({ policy, found, isSame }: Plan, revision?: number): WrittenPolicy {
  const isWritten = revision !== undefined && !isSame;
  return {
    policy,
    revision: isWritten ? revision : (found?.modRevision ?? 0),
    created: isWritten && found === undefined,
  };
}

function refuseTwice(inputs: readonly ParsedNetworkPolicyInput[]): void {
  const names = new Set<string>();
  for (const [index, { name }] of inputs.entries()) {
    if (names.has(name))
      throw invalid(`items[${index}].name`, name, 'is that of another one of these policies');
    names.add(name);
  }
}

/** Says of a fault which of several policies it is in. */
function atItem<T>(index: number, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof CausewayError)) throw error;
    const { code, field, value } = error;
    throw new CausewayError(code, `items[${index}]: ${error.message}`, {
      ...(field === undefined ? {} : { field: `items[${index}].${field}` }),
      ...(value === undefined ? {} : { value }),
      cause: error,
    });
  }
}

function checkCount(count: number): void {
  if (count > MOST_AT_ONCE) throw tooMuch(`${count} policies are new or different`, MOST_AT_ONCE);
}

function checkSize(writes: readonly { readonly value: string }[]): void {
  const bytes = writes.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
  if (bytes > MOST_BYTES) throw tooMuch(`policies and whom they mean have ${bytes} bytes`, MOST_BYTES);
}

function tooMuch(what: string, limit: number): CausewayError {
  return new CausewayError(
    'invalid',
    `items: ${what}, and at most ${limit} are written at once: part them into several requests`,
    { field: 'items' },
  );
}

/** @returns the error for a policy that nobody knows. */
export function noPolicy(name: string): CausewayError {
  return new CausewayError('not-found', `there is no policy ${show(name)}`, { field: 'name', value: name });
}

function guardOf(key: string, found: KeyValue | undefined) {
  return found === undefined ? { key, absent: true as const } : { key, modRevision: found.modRevision };
}
