import { CausewayError, show } from '@causeway/shared/errors';
import type { Workload } from '@causeway/shared/model/workload';
import type { ParsedWorkloadInput } from '@causeway/shared/model/workload-input';
import { decodeWorkload, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';
import type { WriteOptions } from './allocate/service-writer.ts';
import { attempts } from './attempts.ts';
import { checkIfMatch } from './if-match.ts';
import { nameTaken } from './validate/container.ts';
import { checkWorkload } from './validate/workload.ts';
import { factsOf } from './view/facts.ts';
import type { View } from './view/view.ts';

/** How long a write's answer waits for the view to hold it, milliseconds. */
const VIEW_MS = 3_000;

export interface WrittenWorkload {
  readonly workload: Workload;
  /** 0 for a dry run of a new one. */
  readonly revision: number;
  readonly created: boolean;
}

/** Writes workloads: one key each, guarded by its revision, and by there being no container of the name. */
export class WorkloadWriter {
  readonly #store: Store;
  readonly #view: View;

  constructor(store: Store, view: View) {
    this.#store = store;
    this.#view = view;
  }

  /** @throws CausewayError `invalid`, or `conflict` when something else has the name */
  async create(input: ParsedWorkloadInput, dryRun: boolean): Promise<WrittenWorkload> {
    return this.#put(input, { ifMatch: undefined, dryRun }, (workload, old) => {
      if (old === undefined || (!(old instanceof CausewayError) && same(old, workload))) return;
      throw new CausewayError(
        'conflict',
        `name "${workload.name}" is taken by another workload; PUT replaces it, or choose another name`,
        { field: 'name', value: workload.name },
      );
    });
  }

  /** Makes it or replaces it. @throws CausewayError as `create` */
  async replace(input: ParsedWorkloadInput, options: WriteOptions): Promise<WrittenWorkload> {
    return this.#put(input, options, () => {});
  }

  /** @throws CausewayError `not-found` */
  async remove(name: string, options: WriteOptions): Promise<{ readonly revision: number }> {
    return changing(name, async () => {
      const key = keys.workload(name);
      const found = await this.#store.get(key);
      checkIfMatch(options.ifMatch, `workload "${name}"`, found?.modRevision);
      if (found === undefined) throw noWorkload(name);
      if (options.dryRun) return { revision: found.modRevision };
      const guard = { key, modRevision: found.modRevision };
      const { ok, revision } = await this.#store.transaction([guard], [{ delete: key }]);
      if (!ok) return undefined;
      await this.#view.reached('causeway', revision, VIEW_MS);
      return { revision };
    });
  }

  /** @param check throws when the one that is there must not be replaced */
  async #put(
    input: ParsedWorkloadInput,
    options: WriteOptions,
    check: (workload: Workload, old: Workload | CausewayError | undefined) => void,
  ): Promise<WrittenWorkload> {
    return changing(input.name, async () => {
      const workload = checkWorkload(input, factsOf(this.#view));
      const key = keys.workload(workload.name);
      const found = await this.#store.get(key);
      checkIfMatch(options.ifMatch, `workload "${workload.name}"`, found?.modRevision);
      const old = found && decodeWorkload(found);
      check(workload, old);
      const isSame = old !== undefined && !(old instanceof CausewayError) && same(old, workload);
      if (isSame || options.dryRun) return { workload, revision: found?.modRevision ?? 0, created: false };
      const container = keys.container(workload.name);
      const { ok, revision } = await this.#store.transaction(
        [guardOf(key, found), { key: container, absent: true }],
        [{ put: key, value: encode(workload) }],
      );
      if (ok) {
        await this.#view.reached('causeway', revision, VIEW_MS);
        return { workload, revision, created: found === undefined };
      }
      // The view may not know of it yet.
      if ((await this.#store.get(container)) !== undefined) throw nameTaken(workload.name, 'container');
      return undefined;
    });
  }
}

/** @param act undefined: a guard did not hold */
function changing<T>(name: string, act: () => Promise<T | undefined>): Promise<T> {
  return attempts(`changing workload "${name}"`, act);
}

/** @returns the error for a workload that nobody knows. */
export function noWorkload(name: string): CausewayError {
  return new CausewayError('not-found', `there is no workload ${show(name)}`, { field: 'name', value: name });
}

function guardOf(key: string, found: KeyValue | undefined) {
  return found === undefined ? { key, absent: true as const } : { key, modRevision: found.modRevision };
}

function same(a: Workload, b: Workload): boolean {
  const text = ({ addresses, labels }: Workload) =>
    JSON.stringify([addresses, Object.entries(labels).sort(([x], [y]) => (x < y ? -1 : 1))]);
  return text(a) === text(b);
}
