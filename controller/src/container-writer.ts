import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ParsedContainerInput } from '@causeway/shared/model/container-input';
import { decodeContainer, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, KeyValue, Store } from '@causeway/shared/store/store';
import type { Agents } from './agents/agents.ts';
import type { WriteOptions } from './allocate/service-writer.ts';
import { attempts } from './attempts.ts';
import { chosenAddresses, claim, claimKeys, publishedKeys, release } from './container-claims.ts';
import { notNodePorts, policyOf } from './container-guards.ts';
import { resolveImage } from './container-image.ts';
import { checkRemovable, noContainer, wantedState } from './container-life.ts';
import { notListenedTo } from './container-listeners.ts';
import { checkIfMatch } from './if-match.ts';
import { Turns } from './turns.ts';
import { checkContainer, nameTaken, sameContainer } from './validate/container.ts';
import { addressTaken, checkInCluster, namespaceOwner } from './validate/container-cluster.ts';
import { factsOf } from './view/facts.ts';
import type { View } from './view/view.ts';

/** How long a write's answer waits for the view to hold it, milliseconds. */
const VIEW_MS = 3_000;
/** How long a host may take to remove an earlier container of a name, milliseconds: most are given 10 s to stop. */
const REMOVAL_MS = 15_000;

export interface WrittenContainer {
  readonly spec: ContainerSpec;
  /** Of the spec; 0 for a dry run of a new one. */
  readonly revision: number;
  readonly created: boolean;
}

export interface RemoveOptions extends WriteOptions {
  /** Also one that runs, or whose network others use. */
  readonly force: boolean;
}

/** Writes containers: one key each, guarded by its revision, with what it claims in the same transaction. */
export class ContainerWriter {
  readonly #store: Store;
  readonly #view: View;
  readonly #agents: Pick<Agents, 'json'>;
  /** Spares writers at this controller races among themselves over the ports that all hosts publish. */
  readonly #turns = new Turns();

  constructor(store: Store, view: View, agents: Pick<Agents, 'json'>) {
    this.#store = store;
    this.#view = view;
    this.#agents = agents;
  }

  /** @throws CausewayError `invalid`, or `conflict` when another has the name, a port or an address */
  async create(input: ParsedContainerInput, dryRun: boolean): Promise<WrittenContainer> {
    const asked = checkContainer(input);
    const [first = ''] = publishedKeys(asked);
    const act = () => changing(asked.name, () => this.#create(asked, input.image?.digest, dryRun));
    return first === '' ? act() : this.#turns.take(first, act);
  }

  /**
   * Stops a container or starts it again. Starting one that is to run, and has ended by itself, runs it once more.
   *
   * @throws CausewayError `not-found`, or `conflict` for a container of others
   */
  async want(
    name: string,
    want: 'running' | 'stopped',
    options: WriteOptions,
  ): Promise<Omit<WrittenContainer, 'created'> & { readonly changed: boolean }> {
    return changing(name, async () => {
      const { found, spec } = await this.#read(name, options);
      const after = wantedState(spec, this.#view.tables.containerStatus.get(name)?.value, want);
      if (after === spec || options.dryRun)
        return { spec: after, revision: found.modRevision, changed: after !== spec };
      const revision = await this.#write([asRead(found)], [{ put: found.key, value: encode(after) }]);
      return revision === undefined ? undefined : { spec: after, revision, changed: true };
    });
  }

  /** @throws CausewayError `not-found`, or `conflict` when it runs or is used, and that was not said to be right */
  async remove(name: string, options: RemoveOptions): Promise<{ readonly revision: number }> {
    return changing(name, async () => {
      const key = keys.container(name);
      const found = await this.#store.get(key);
      checkIfMatch(options.ifMatch, `container "${name}"`, found?.modRevision);
      if (found === undefined) throw noContainer(name);
      const spec = decodeContainer(found);
      if (!options.force && !(spec instanceof CausewayError)) checkRemovable(spec, this.#view.tables);
      if (options.dryRun) return { revision: found.modRevision };
      const { guards, writes } = release(name, await this.#claimed(spec));
      const revision = await this.#write([asRead(found), ...guards], [{ delete: key }, ...writes]);
      return revision === undefined ? undefined : { revision };
    });
  }

  /** @returns undefined after a lost race */
  async #create(
    asked: ContainerSpec,
    digest: string | undefined,
    dryRun: boolean,
  ): Promise<WrittenContainer | undefined> {
    const key = keys.container(asked.name);
    const found = await this.#store.get(key);
    if (found !== undefined) return existing(found, asked);
    checkInCluster(asked, factsOf(this.#view));
    const { spec, guard } = await resolveImage(this.#store, asked, digest);
    const { guards, writes } = claim(spec, await this.#items(publishedKeys(spec)));
    const from = [
      await policyOf(this.#store, spec.host),
      ...(await notNodePorts(this.#store, this.#view, spec)),
      ...guard,
    ];
    await notListenedTo(this.#agents, this.#view, spec);
    if (dryRun) return { spec, revision: 0, created: false };
    await this.#removed(spec);
    const partner = namespaceOwner(spec);
    const free: readonly Guard[] = [
      { key, absent: true },
      { key: keys.workload(spec.name), absent: true },
      ...(partner === undefined ? [] : [{ key: keys.container(partner), present: true as const }]),
    ];
    const revision = await this.#write(
      [...free, ...from, ...guards],
      [{ put: key, value: encode(spec) }, ...writes],
    );
    if (revision !== undefined) return { spec, revision, created: true };
    await this.#checkTaken(spec);
    return undefined;
  }

  /**
   * A host could not tell a new container from an earlier one of its name that it has not removed yet: it would keep it.
   *
   * @throws CausewayError `conflict` when it takes too long
   */
  async #removed({ name, host }: ContainerSpec): Promise<void> {
    const { tables } = this.#view;
    const isLeft = () => tables.containerStatus.get(name)?.value.host === host && tables.alive.has(host);
    if (await this.#view.until(() => !isLeft(), REMOVAL_MS)) return;
    throw new CausewayError(
      'conflict',
      `name "${name}" is that of a container that ${host} is still removing; try again`,
      { field: 'name', value: name },
    );
  }

  /** What the view may not know of yet. @throws CausewayError `conflict` */
  async #checkTaken(spec: ContainerSpec): Promise<void> {
    const { name, network } = spec;
    if ((await this.#store.get(keys.workload(name))) !== undefined) throw nameTaken(name, 'workload');
    for (const [key, item] of await this.#items(chosenAddresses(spec).map(keys.containerAddress))) {
      if (item === undefined || item.value === name) continue;
      const address = key.slice(keys.containerAddressPrefix.length);
      const field = network?.kind === 'macvlan' ? 'network.addresses' : 'network.address';
      throw addressTaken(field, address, item.value);
    }
  }

  async #read(name: string, { ifMatch }: WriteOptions): Promise<{ found: KeyValue; spec: ContainerSpec }> {
    const found = await this.#store.get(keys.container(name));
    checkIfMatch(ifMatch, `container "${name}"`, found?.modRevision);
    if (found === undefined) throw noContainer(name);
    const spec = decodeContainer(found);
    if (spec instanceof CausewayError) throw spec;
    return { found, spec };
  }

  /** What a container may have claimed: of one that cannot be read, anything. */
  async #claimed(spec: ContainerSpec | CausewayError): Promise<ReadonlyMap<string, KeyValue | undefined>> {
    if (!(spec instanceof CausewayError)) return this.#items(claimKeys(spec));
    const listings = await Promise.all(
      [keys.publishedPrefix, keys.containerAddressPrefix].map((prefix) => this.#store.list(prefix)),
    );
    return new Map(listings.flatMap(({ items }) => items.map((item) => [item.key, item] as const)));
  }

  async #items(wanted: readonly string[]): Promise<ReadonlyMap<string, KeyValue | undefined>> {
    return new Map(await Promise.all(wanted.map(async (key) => [key, await this.#store.get(key)] as const)));
  }

  /** @returns the revision, once the view holds it; undefined when a guard did not hold */
  async #write(...change: Parameters<Store['transaction']>): Promise<number | undefined> {
    const { ok, revision } = await this.#store.transaction(...change);
    if (!ok) return undefined;
    await this.#view.reached('causeway', revision, VIEW_MS);
    return revision;
  }
}

/** @param act undefined: a guard did not hold */
function changing<T>(name: string, act: () => Promise<T | undefined>): Promise<T> {
  return attempts(`changing container "${name}"`, act);
}

/** @throws CausewayError `conflict` unless what is there is what was asked for */
function existing(found: KeyValue, asked: ContainerSpec): WrittenContainer {
  const old = decodeContainer(found);
  if (old instanceof CausewayError) throw old;
  if (sameContainer(old, asked)) return { spec: old, revision: found.modRevision, created: false };
  throw new CausewayError(
    'conflict',
    `name "${asked.name}" is taken by another container, on ${old.host}; delete it first, or choose another name`,
    { field: 'name', value: asked.name },
  );
}

function asRead({ key, modRevision }: KeyValue): Guard {
  return { key, modRevision };
}
