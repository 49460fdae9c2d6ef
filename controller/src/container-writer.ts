import { CausewayError, show } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ParsedContainerInput } from '@causeway/shared/model/container-input';
import { decodeContainer, decodeNodePolicy, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, Store } from '@causeway/shared/store/store';
import type { WriteOptions } from './allocate/service-writer.ts';
import { checkIfMatch } from './if-match.ts';
import { checkContainer, nameTaken } from './validate/container.ts';
import { factsOf } from './view/facts.ts';
import type { View } from './view/view.ts';

/** How long a write's answer waits for the view to hold it, milliseconds. */
const VIEW_MS = 3_000;

export interface WrittenContainer {
  readonly spec: ContainerSpec;
  /** Of the spec; 0 for a dry run of a new one. */
  readonly revision: number;
  readonly created: boolean;
}

/** Writes containers: one key each, guarded by its revision. */
export class ContainerWriter {
  readonly #store: Store;
  readonly #view: View;

  constructor(store: Store, view: View) {
    this.#store = store;
    this.#view = view;
  }

  /** @throws CausewayError `invalid`, or `conflict` when another container has the name */
  async create(input: ParsedContainerInput, dryRun: boolean): Promise<WrittenContainer> {
    const spec = checkContainer(input, factsOf(this.#view));
    const key = keys.container(spec.name);
    const found = await this.#store.get(key);
    if (found === undefined) {
      const policy = await this.#policyOf(spec.host);
      if (dryRun) return { spec, revision: 0, created: false };
      const result = await this.#store.transaction(
        [{ key, absent: true }, { key: keys.workload(spec.name), absent: true }, policy],
        [{ put: key, value: encode(spec) }],
      );
      if (!result.ok) {
        await this.#checkNoWorkload(spec.name);
        return this.create(input, dryRun);
      }
      await this.#view.reached('causeway', result.revision, VIEW_MS);
      return { spec, revision: result.revision, created: true };
    }
    const old = decodeContainer(found);
    if (old instanceof CausewayError) throw old;
    if (same(old, spec)) return { spec: old, revision: found.modRevision, created: false };
    throw new CausewayError(
      'conflict',
      `name "${spec.name}" is taken by another container, on ${old.host}; delete it first, or choose another name`,
      { field: 'name', value: spec.name },
    );
  }

  /** The view may not know of it yet. @throws CausewayError `conflict` */
  async #checkNoWorkload(name: string): Promise<void> {
    if ((await this.#store.get(keys.workload(name))) !== undefined) throw nameTaken(name, 'workload');
  }

  /** @returns the guard that the host is as it was looked at @throws CausewayError `conflict` when it is cordoned */
  async #policyOf(host: string): Promise<Guard> {
    const key = keys.nodePolicy(host);
    const found = await this.#store.get(key);
    if (found === undefined) return { key, absent: true };
    const policy = decodeNodePolicy(found);
    if (policy instanceof CausewayError) throw policy;
    if (!policy.cordoned) return { key, modRevision: found.modRevision };
    const is = policy.drained ? 'drained' : 'cordoned';
    throw new CausewayError(
      'conflict',
      `host "${host}" is ${is}: it takes no new containers until "svcctl node uncordon ${host}"`,
      { field: 'host', value: host },
    );
  }

  /** @throws CausewayError `not-found` */
  async remove(name: string, options: WriteOptions): Promise<{ readonly revision: number }> {
    const key = keys.container(name);
    const found = await this.#store.get(key);
    checkIfMatch(options.ifMatch, `container "${name}"`, found?.modRevision);
    if (found === undefined) throw noContainer(name);
    if (options.dryRun) return { revision: found.modRevision };
    const result = await this.#store.transaction(
      [{ key, modRevision: found.modRevision }],
      [{ delete: key }],
    );
    if (!result.ok) return this.remove(name, options);
    await this.#view.reached('causeway', result.revision, VIEW_MS);
    return { revision: result.revision };
  }
}

/** @returns the error for a container that nobody knows. */
export function noContainer(name: string): CausewayError {
  return new CausewayError('not-found', `there is no container ${show(name)}`, {
    field: 'name',
    value: name,
  });
}

function same(a: ContainerSpec, b: ContainerSpec): boolean {
  const text = (spec: ContainerSpec) =>
    JSON.stringify([
      spec.host,
      spec.command,
      ...[spec.files, spec.labels ?? {}].map((texts) =>
        Object.entries(texts).sort(([x], [y]) => (x < y ? -1 : 1)),
      ),
    ]);
  return text(a) === text(b);
}
