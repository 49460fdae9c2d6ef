import { CausewayError, show } from '@causeway/shared/errors';
import type { Endpoint, EndpointSet } from '@causeway/shared/model/endpoint';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { decodeServiceSpec } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, Store } from '@causeway/shared/store/store';
import { attempts } from '../attempts.ts';
import { resolved } from '../endpoints/update.ts';
import { checkIfMatch, type IfMatch } from '../if-match.ts';
import { Turns } from '../turns.ts';
import type { ClusterFacts } from '../validate/cluster-facts.ts';
import { factsOf } from '../view/facts.ts';
import { placesOf } from '../view/places.ts';
import type { Stored } from '../view/tables.ts';
import type { View } from '../view/view.ts';
import { heldByName, heldBySpec } from './held.ts';
import { withOwners } from './owners.ts';
import { allocations, type Change, deleteService, putService, unchanged } from './transaction.ts';

/** How long a write's answer waits for the view to hold it, milliseconds. */
const VIEW_MS = 3_000;

export interface WriteOptions {
  readonly ifMatch: IfMatch;
  readonly dryRun: boolean;
}

export interface Written {
  readonly spec: ServiceSpec;
  readonly endpoints: EndpointSet;
  /** Of the spec; what it was, when nothing changed or it was a dry run (0: it did not exist). */
  readonly revision: number;
  /** Of the newest change of the spec or its endpoints. */
  readonly writtenAt: number;
  readonly created: boolean;
}

/**
 * Says what a service should become.
 *
 * @param resolved its endpoints as they are; what was planned from others is not written
 * @returns `before`'s own spec when nothing is to change
 * @throws CausewayError for anything that is not allowed
 */
export type Planner = (
  before: ServiceSpec | undefined,
  facts: ClusterFacts,
  resolved: readonly Endpoint[],
) => ServiceSpec;

/** What a write is to make of a service, and the guards of what this was made from. */
interface Planned {
  readonly spec: ServiceSpec;
  readonly endpoints: EndpointSet;
  readonly from: readonly Guard[];
}

/**
 * Writes services: takes the spec as the view has it, plans, writes in one transaction, and starts over from the newest
 * spec when that was another one.
 */
export class ServiceWriter {
  readonly #store: Store;
  readonly #view: View;
  /** Spares writers of one service at this controller races among themselves. */
  readonly #turns = new Turns();
  readonly #clock: () => number;

  /** @param clock milliseconds since the epoch */
  constructor(store: Store, view: View, clock: () => number) {
    this.#store = store;
    this.#view = view;
    this.#clock = clock;
  }

  /**
   * @param name undefined when it follows from what is allocated
   * @throws CausewayError `conflict` when others were faster every time
   */
  async put(name: string | undefined, plan: Planner, options: WriteOptions): Promise<Written> {
    const owners = new Map<string, string | undefined>();
    const act = () =>
      attempts(`changing service ${name === undefined ? 'with a new name' : `"${name}"`}`, (before) =>
        this.#put(name, plan, options, owners, before),
      );
    return name === undefined ? act() : this.#turns.take(name, act);
  }

  /** @throws CausewayError `not-found` */
  async remove(name: string, options: WriteOptions): Promise<{ readonly revision: number }> {
    const act = (before: number) => this.#remove(name, options, before);
    return this.#turns.take(name, () => attempts(`changing service "${name}"`, act));
  }

  /**
   * @param owners of what had to be free and was not, as earlier attempts have learnt
   * @param tried how often it was attempted
   * @returns undefined after a lost race, and when etcd has to be asked first
   */
  async #put(
    name: string | undefined,
    plan: Planner,
    options: WriteOptions,
    owners: Map<string, string | undefined>,
    tried: number,
  ): Promise<Written | undefined> {
    const isSupposed = tried === 0 && this.#canSuppose(name, options);
    const before = isSupposed ? this.#view.tables.service.get(name) : await this.#read(name);
    const planned = this.#plan(name, before, plan, options, owners, isSupposed);
    if (planned === undefined) return undefined;
    const { spec, endpoints, from } = planned;
    if (options.dryRun || spec === before?.value) return this.#unchanged(before, spec, endpoints);
    const held = before === undefined ? [] : await heldBySpec(this.#store, before.value, tried > 0);
    const change = putService(before, held, spec, endpoints, from);
    const { ok, revision } = await this.#store.transaction(change.guards, change.writes);
    if (ok) {
      await this.#view.reached('causeway', revision, VIEW_MS);
      return { spec, endpoints, revision, writtenAt: revision, created: before === undefined };
    }
    await this.#learn(change, owners, name === undefined ? spec : undefined);
    return undefined;
  }

  /** @param tried as with `#put` */
  async #remove(
    name: string,
    options: WriteOptions,
    tried: number,
  ): Promise<{ readonly revision: number } | undefined> {
    const supposed = tried === 0 && this.#canSuppose(name, options) && this.#view.tables.service.get(name);
    const change = supposed
      ? deleteService(name, supposed.revision, allocations(supposed.value))
      : await this.#planRemoval(name, options, tried > 0);
    if ('revision' in change) return change;
    const { ok, revision } = await this.#store.transaction(change.guards, change.writes);
    if (!ok) return undefined;
    await this.#view.reached('causeway', revision, VIEW_MS);
    return { revision };
  }

  /** @returns the revision of what would be removed, where nothing is to be */
  async #planRemoval(
    name: string,
    options: WriteOptions,
    ask: boolean,
  ): Promise<Change | { readonly revision: number }> {
    const found = await this.#store.get(keys.serviceSpec(name));
    checkIfMatch(options.ifMatch, `service "${name}"`, found?.modRevision);
    if (found === undefined) throw noService(name);
    if (options.dryRun) return { revision: found.modRevision };
    return deleteService(name, found.modRevision, await heldByName(this.#store, name, found, ask));
  }

  /**
   * Whether a change may go by what the view has: nearly always etcd has the same, and refuses what was planned from
   * anything else. What writes nothing has nobody to refuse it, and neither has what names a revision.
   */
  #canSuppose(name: string | undefined, { dryRun, ifMatch }: WriteOptions): name is string {
    if (name === undefined || dryRun || ifMatch !== undefined) return false;
    return !this.#view.unreadable.has(keys.serviceSpec(name));
  }

  /** @returns undefined when nothing can be said before etcd has been asked */
  #plan(
    name: string | undefined,
    before: Stored<ServiceSpec> | undefined,
    plan: Planner,
    options: WriteOptions,
    owners: ReadonlyMap<string, string | undefined>,
    isSupposed: boolean,
  ): Planned | undefined {
    let spec: ServiceSpec;
    try {
      checkIfMatch(options.ifMatch, `service "${name}"`, before?.revision);
      const facts = withOwners(factsOf(this.#view), owners);
      spec = plan(before?.value, facts, this.#view.tables.endpoints.get(name ?? '')?.value.endpoints ?? []);
    } catch (error) {
      if (isSupposed && error instanceof CausewayError) return undefined;
      throw error;
    }
    if (isSupposed && spec === before?.value) return undefined;
    const { tables, unreadable } = this.#view;
    // What is stored of the endpoints is a part of what they are now, and written over only as it was read.
    const key = keys.serviceEndpoints(spec.name);
    const old = unreadable.has(key) ? undefined : tables.endpoints.get(spec.name);
    const endpoints = resolved(spec, old?.value, this.#view, placesOf(this.#view, this.#clock()));
    // By other settings the service might have been refused, or have got another VIP.
    const settings = unreadable.has(keys.settings) ? undefined : tables.settings.get('');
    const from = [
      unchanged(key, old, unreadable.has(key)),
      unchanged(keys.settings, settings, unreadable.has(keys.settings)),
      ...this.#published(spec, before?.value),
    ];
    return { spec, endpoints, from };
  }

  /** That no container has begun to publish what becomes a NodePort. */
  #published(spec: ServiceSpec, before: ServiceSpec | undefined): readonly Guard[] {
    const { tables, unreadable } = this.#view;
    const had = new Set(before === undefined ? [] : allocations(before));
    return spec.ports.flatMap(({ protocol, nodePort }) => {
      if (nodePort === undefined || had.has(keys.nodePort(protocol, nodePort))) return [];
      const key = keys.published(protocol, nodePort);
      return unchanged(key, tables.published.get(`${protocol}/${nodePort}`), unreadable.has(key));
    });
  }

  async #read(name: string | undefined): Promise<Stored<ServiceSpec> | undefined> {
    const found = name === undefined ? undefined : await this.#store.get(keys.serviceSpec(name));
    if (found === undefined) return undefined;
    const value = decodeServiceSpec(found);
    if (value instanceof CausewayError) throw value;
    return { value, revision: found.modRevision };
  }

  #unchanged(before: Stored<ServiceSpec> | undefined, spec: ServiceSpec, endpoints: EndpointSet): Written {
    const revision = before?.revision ?? 0;
    const resolved = this.#view.tables.endpoints.get(spec.name)?.revision ?? 0;
    return { spec, endpoints, revision, writtenAt: Math.max(revision, resolved), created: false };
  }

  /** After a lost race: who has the keys that had to be free? The view may not know yet. */
  async #learn(
    change: Change,
    owners: Map<string, string | undefined>,
    unnamed: ServiceSpec | undefined,
  ): Promise<void> {
    for (const guard of change.guards) {
      if (guard.key.startsWith(keys.allocationPrefix))
        owners.set(guard.key, (await this.#store.get(guard.key))?.value);
    }
    // A default name that is taken would come back with the same VIP: count the VIP as taken.
    const [vip] = unnamed?.vips ?? [];
    if (unnamed === undefined || vip === undefined) return;
    if ((await this.#store.get(keys.serviceSpec(unnamed.name))) !== undefined)
      owners.set(keys.vip(vip), unnamed.name);
  }
}

/** @returns the error for a service that nobody knows. */
export function noService(name: string): CausewayError {
  return new CausewayError('not-found', `there is no service ${show(name)}`, { field: 'name', value: name });
}
