import { CausewayError } from '@causeway/shared/errors';
import { effectiveConfig, fingerprintOf } from '@causeway/shared/model/effective-config';
import type { NetworkConfig } from '@causeway/shared/model/network';
import { decodeNetworkConfig, encodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, KeyValue, Store } from '@causeway/shared/store/store';
import { unchanged } from '../allocate/transaction.ts';
import { attempts } from '../attempts.ts';
import { rangesOf } from '../bootstrap.ts';
import { checkIfMatch, type IfMatch } from '../if-match.ts';
import type { NetworkObject } from '../objects/network.ts';
import { Turns } from '../turns.ts';
import {
  checkDisjoint,
  checkHostNetworks,
  checkNotHuge,
  checkOwnAddresses,
  named,
  type OwnAddress,
} from '../validate/ranges.ts';
import { hostNetworks, networkOf } from '../view/facts.ts';
import { readFresh } from '../view/fresh.ts';
import type { Tables } from '../view/tables.ts';
import type { View } from '../view/view.ts';
import { withForeignFields } from './foreign-fields.ts';
import { configOf, type NetworkPatch } from './patch.ts';
import { networkObject } from './present.ts';
import { checkAddressesOutside } from './taken.ts';

const VIEW_MS = 3_000;

export interface NetworkWriteOptions {
  readonly ifMatch: IfMatch;
  readonly dryRun: boolean;
  /** Whether hosts may be given other subnets. */
  readonly renumber: boolean;
}

export interface NetworkWritten {
  readonly network: NetworkObject;
  readonly changed: boolean;
  readonly revision: number;
}

/** Says what the key should hold; undefined: what it holds. */
type Planner = (before: NetworkConfig | CausewayError, tables: Tables) => NetworkConfig | undefined;

/** Changes the network's configuration, which is flannel's key: guarded by its revision, everything else in it kept. */
export class NetworkWriter {
  readonly #store: Store;
  readonly #view: View;
  readonly #own: readonly OwnAddress[];
  readonly #turns = new Turns();

  /** @param own where others reach the controller and etcd */
  constructor(store: Store, view: View, own: readonly OwnAddress[]) {
    this.#store = store;
    this.#view = view;
    this.#own = own;
  }

  /** @throws CausewayError `invalid`, or `conflict` naming the hosts that would be renumbered */
  async set(patch: NetworkPatch, options: NetworkWriteOptions): Promise<NetworkWritten> {
    return this.#write(options, (before, tables) => {
      const base = before instanceof CausewayError ? this.#lastReadable(tables, before, patch) : before;
      const asked = configOf(base, patch);
      const accepted = tables.accepted.get('')?.value ?? base;
      this.#check(asked, accepted, tables);
      const config = base?.renumber === fingerprintOf(asked) ? { ...asked, renumber: base.renumber } : asked;
      const leases = [...tables.lease.values()].map(({ value }) => value);
      const { refused } = effectiveConfig({ config, accepted, leases });
      if (refused !== undefined && !options.renumber) throw renumbers(refused.hosts);
      return refused === undefined ? config : { ...config, renumber: refused.fingerprint };
    });
  }

  /**
   * Confirms the configuration that hosts do not follow, because it would renumber them.
   *
   * @param fingerprint of the configuration that was looked at; undefined: whichever it is
   * @throws CausewayError `conflict` when nothing waits, or something else
   */
  async confirm(fingerprint: string | undefined, options: Omit<NetworkWriteOptions, 'renumber'>) {
    return this.#write({ ...options, renumber: true }, (before, tables) => {
      if (before instanceof CausewayError) throw before;
      const { config: followed, refused } = networkOf(tables);
      const found = fingerprintOf(before);
      if (fingerprint !== undefined && fingerprint !== found) {
        throw new CausewayError(
          'conflict',
          `fingerprint "${fingerprint}" is not that of the configuration in etcd, "${found}": look at it again`,
          { field: 'fingerprint', value: fingerprint },
        );
      }
      if (refused === undefined && before.renumber === found) return undefined;
      if (refused === undefined) {
        throw new CausewayError(
          'conflict',
          'confirming the network: no change waits to be confirmed, hosts follow what etcd has',
        );
      }
      this.#check(before, followed, tables);
      return { ...before, renumber: found };
    });
  }

  async #write(options: NetworkWriteOptions, plan: Planner): Promise<NetworkWritten> {
    const act = () => this.#attempt(options, plan);
    return this.#turns.take('', () => attempts("changing the network's configuration", act));
  }

  /** @returns undefined after a lost race */
  async #attempt(options: NetworkWriteOptions, plan: Planner): Promise<NetworkWritten | undefined> {
    const found = await this.#store.get(keys.networkConfig);
    checkIfMatch(options.ifMatch, "the network's configuration", found?.modRevision);
    if (found === undefined) throw notThere();
    const before = decodeNetworkConfig(found);
    const { rows: tables, unreadable } = await readFresh(this.#store, [
      keys.networkPrefix,
      keys.settings,
      keys.nodePrefix,
      keys.reservationPrefix,
    ]);
    const after = plan(before, tables);
    const value = after && withForeignFields(found.value, encodeNetworkConfig(after));
    if (after === undefined || value === undefined || sameValue(before, after))
      return { network: networkObject(tables), changed: false, revision: found.modRevision };
    if (options.dryRun) return dryRun(after, tables, found.modRevision);
    const noted = unchanged(
      keys.acceptedNetwork,
      tables.accepted.get(''),
      unreadable.has(keys.acceptedNetwork),
    );
    const ranges = unchanged(keys.settings, tables.settings.get(''), unreadable.has(keys.settings));
    return this.#put(found, value, [noted, ranges]);
  }

  /**
   * @param rested that what hosts follow, and the service ranges, are what they were: what is written rests on it
   * @returns undefined after a lost race
   */
  async #put(found: KeyValue, value: string, rested: readonly Guard[]): Promise<NetworkWritten | undefined> {
    const result = await this.#store.transaction(
      [{ key: keys.networkConfig, modRevision: found.modRevision }, ...rested],
      [{ put: keys.networkConfig, value }],
    );
    if (!result.ok) return undefined;
    await this.#view.reached('network', result.revision, VIEW_MS);
    return { network: networkObject(this.#view.tables), changed: true, revision: result.revision };
  }

  /** What a configuration that does not parse is mended from. @throws the reason when nothing was asked for instead */
  #lastReadable(tables: Tables, unreadable: CausewayError, patch: NetworkPatch): NetworkConfig | undefined {
    const last = this.#view.tables.config.get('')?.value ?? tables.accepted.get('')?.value;
    if (last === undefined && patch.network === undefined && patch.networkIpv6 === undefined)
      throw unreadable;
    return last;
  }

  /** @throws CausewayError `invalid` when a network that becomes another one takes addresses of somebody else */
  #check(config: NetworkConfig, followed: NetworkConfig | undefined, tables: Tables): void {
    const settings = tables.settings.get('')?.value ?? this.#view.tables.settings.get('')?.value;
    if (settings === undefined) throw notThere();
    const { serviceRange, serviceRangeIpv6, ...networks } = rangesOf({ config, settings });
    const other = {
      ...(networks.network === followed?.ipv4?.network ? {} : { network: networks.network }),
      ...(networks.networkIpv6 === followed?.ipv6?.network ? {} : { networkIpv6: networks.networkIpv6 }),
    };
    for (const [flag, text] of named(other)) checkNotHuge(flag, text);
    checkHostNetworks(other, hostNetworks([...tables.node.values()].map(({ value }) => value)));
    checkDisjoint({ ...other, serviceRange, serviceRangeIpv6 });
    checkOwnAddresses(other, this.#own);
    checkAddressesOutside(other, this.#view.tables);
  }
}

function dryRun(config: NetworkConfig, tables: Tables, revision: number): NetworkWritten {
  const would: Tables = { ...tables, config: new Map([['', { value: config, revision }]]) };
  return { network: networkObject(would), changed: true, revision };
}

function sameValue(before: NetworkConfig | CausewayError, after: NetworkConfig): boolean {
  return !(before instanceof CausewayError) && encodeNetworkConfig(before) === encodeNetworkConfig(after);
}

function notThere(): CausewayError {
  return new CausewayError('unreachable', "changing the network's configuration: it is not in etcd yet");
}

/** How many hosts a refusal names; the others are a number. */
const NAMED = 10;

function renumbers(hosts: readonly string[]): CausewayError {
  const more = hosts.length > NAMED ? ` and ${hosts.length - NAMED} more` : '';
  const list = `${hosts.slice(0, NAMED).join(', ')}${more}`;
  return new CausewayError(
    'conflict',
    `changing the network: ${hosts.length === 1 ? '1 host' : `${hosts.length} hosts`} would have to take other ` +
      `subnets, which interrupts their containers: ${list}; ask for it with --renumber (renumber=true)`,
    { field: 'renumber', value: false },
  );
}
