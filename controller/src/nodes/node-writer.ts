import { invalid } from '@causeway/shared/errors';
import { NAME_ERROR, NAME_PATTERN } from '@causeway/shared/model/input';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { attempts } from '../attempts.ts';
import { servicesOn } from '../endpoints/concerned.ts';
import { isSettled } from '../endpoints/update.ts';
import type { NodePlan, ReserveInput } from '../objects/node-operation.ts';
import { Turns } from '../turns.ts';
import { networkOf } from '../view/facts.ts';
import { readFresh } from '../view/fresh.ts';
import type { TableSet } from '../view/table-set.ts';
import type { View } from '../view/view.ts';
import { type NodeChange, noNode, planPolicy, planRelease, planReserve } from './plan.ts';

/** How long a write's answer waits for the view to hold it, and for the endpoints to follow, milliseconds. */
const VIEW_MS = 3_000;

const PLACES = [keys.subnetPrefix, keys.claimPrefix, keys.reservationPrefix, keys.nodePolicyPrefix];

export type Decision = 'cordon' | 'uncordon' | 'drain';

const POLICIES = {
  cordon: { cordoned: true },
  uncordon: { cordoned: false, drained: false },
  drain: { cordoned: true, drained: true },
} as const;

type Planner = (fresh: TableSet) => NodeChange;

/** Writes what operators decide about hosts: planned from what etcd has at the moment, guarded by all of it. */
export class NodeWriter {
  readonly #store: Store;
  readonly #view: View;
  /** Keeps one host from being given two subnets by two requests at once. */
  readonly #turns = new Turns();

  constructor(store: Store, view: View) {
    this.#store = store;
    this.#view = view;
  }

  async reserve(name: string, input: ReserveInput, dryRun: boolean): Promise<NodePlan> {
    // Of a host that has joined it is known whether it has such a name.
    if (input.ahead && !NAME_PATTERN.test(name)) throw invalid('name', name, NAME_ERROR);
    const config = networkOf(this.#view.tables).config;
    return this.#write(name, (fresh) => planReserve(name, input, config, fresh), dryRun);
  }

  async release(name: string, withLease: boolean, dryRun: boolean): Promise<NodePlan> {
    return this.#write(name, ({ rows }) => planRelease(name, withLease, rows), dryRun);
  }

  async decide(name: string, decision: Decision, dryRun: boolean): Promise<NodePlan> {
    const written = await this.#write(
      name,
      ({ rows, unreadable }) => {
        const drained = rows.policy.get(name)?.value.drained ?? false;
        const policy = { drained, ...POLICIES[decision] };
        return planPolicy(name, policy, rows, unreadable.has(keys.nodePolicy(name)));
      },
      dryRun,
    );
    if (dryRun) return written;
    return { ...written, servicesRevision: await this.#endpointsFollowed(name) };
  }

  async #write(name: string, plan: Planner, dryRun: boolean): Promise<NodePlan> {
    if (!NAME_PATTERN.test(name)) throw noNode(name);
    const act = async () => {
      const change = plan(await readFresh(this.#store, [...PLACES, ...oneNode(name)]));
      if (change.writes.length === 0 || dryRun) return written(name, change, 0);
      const { ok, revision } = await this.#store.transaction(change.guards, change.writes);
      if (!ok) return undefined;
      await this.#view.reached('causeway', revision, VIEW_MS);
      return written(name, change, revision);
    };
    return this.#turns.take(name, () => attempts(`changing host "${name}"`, act));
  }

  /**
   * Waits until the services that lead to a host have the endpoints that its policy leaves them.
   *
   * @returns the newest revision of these endpoints; 0 when there are none
   */
  async #endpointsFollowed(name: string): Promise<number> {
    const services = servicesOn(this.#view, name);
    const open = [...services];
    await this.#view.until(() => {
      // One after the other: of thousands, each is looked at once after it is settled, not after every delivery.
      for (
        let last = open.at(-1);
        last !== undefined && isSettled(this.#view, last, Date.now());
        last = open.at(-1)
      )
        open.pop();
      return open.length === 0;
    }, VIEW_MS);
    const { endpoints } = this.#view.tables;
    return services.reduce((newest, service) => Math.max(newest, endpoints.get(service)?.revision ?? 0), 0);
  }
}

/** The host's own keys; a name is also the beginning of longer ones, which do no harm here. */
function oneNode(name: string): readonly string[] {
  return [keys.node(name), keys.alive(name)];
}

function written(name: string, { after, writes, warnings }: NodeChange, revision: number): NodePlan {
  return { name, ...after, changed: writes.length > 0, warnings, revision, servicesRevision: 0 };
}
