import type { Answer, Api } from '@causeway/lab/api';
import type { EndpointRef, ServiceSpec } from '@causeway/shared/model/service';
import type { WorkloadInput } from '@causeway/shared/model/workload-input';
import {
  type Chance,
  LABELS,
  type Places,
  randomEndpoint,
  randomService,
  randomWeight,
  serviceName,
} from './random-services.ts';

/** A service as the API told it last; undefined: there is none. */
export type Known = Pick<ServiceSpec, 'vips' | 'families' | 'ports' | 'endpoints'> &
  Partial<ServiceSpec> & { readonly revision: number };

/** What the API has accepted. */
export interface Accepted {
  readonly services: ReadonlyMap<string, Known>;
  /** By name of a workload that is registered, its labels. */
  readonly workloads: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Services of which nobody knows whether the last change was taken, since no answer came. */
  readonly unsure: ReadonlySet<string>;
  readonly changes: number;
  /** Answers that were neither yes nor a refusal with a reason. */
  readonly faults: readonly string[];
  /** How often the API refused, by status. */
  readonly refused: ReadonlyMap<number, number>;
}

export interface ServiceChanges extends Accepted {
  /**
   * Changes services at random, several at once, each of them by one at a time.
   *
   * @param count how many changes must be accepted
   */
  burst(count: number): Promise<void>;
  /** Settles what is unsure by putting it as it is known. */
  makeSure(): Promise<void>;
}

export interface ChangesOptions {
  readonly chance: Chance;
  /** Each service speaks to one of them at a time, chosen by chance. */
  readonly apis: readonly Api[];
  readonly slots: number;
  readonly places: Omit<Places, 'workloads'>;
  /** Those that come and go; what they answer at stays. */
  readonly workloads?: readonly Pick<WorkloadInput, 'name' | 'addresses'>[];
  /** How many are under way at once. */
  readonly atOnce?: number;
  /** What the API may answer besides: 503 where etcd is away. */
  readonly mayRefuse?: readonly number[];
  /** Told after each accepted change. */
  readonly onChange?: (changes: number) => void;
}

/** 404, 409, 422: another change was faster, or what a definition names is gone. */
const REFUSALS = [400, 404, 409, 412, 422];
const PAUSE_MS = 20;
/** One in so many changes concerns a workload, and through it every service that names or selects it. */
const WORKLOAD_EVERY = 40;

export function createServiceChanges(options: ChangesOptions): ServiceChanges {
  const { chance, apis, slots, workloads = [], atOnce = 16, mayRefuse = [], onChange } = options;
  const services = new Map<string, Known>();
  const registered = new Map<string, Readonly<Record<string, string>>>();
  const unsure = new Set<string>();
  const faults: string[] = [];
  const refused = new Map<number, number>();
  const busy = new Set<number>();
  let changes = 0;
  let isWorkloadBusy = false;

  const places: Places = {
    ...options.places,
    get workloads() {
      return [...registered.keys()];
    },
  };
  /** @returns what came, if it was accepted; `undefined`: nobody knows; `refused`: it was not taken */
  async function ask(method: string, url: string, body?: object): Promise<Answer | 'refused' | undefined> {
    const asked = chance.of(apis).ask(method, url, body);
    const answer = await asked.catch(() => undefined);
    const status = answer?.status ?? 0;
    if (answer !== undefined && status < 300) {
      changes += 1;
      onChange?.(changes);
      return answer;
    }
    const isUnknown = status === 0 || status >= 500;
    const isExpected = (isUnknown ? mayRefuse : REFUSALS).includes(status);
    if (!isExpected) faults.push(`${method} ${url} ${JSON.stringify(body)}: ${JSON.stringify(answer)}`);
    refused.set(status, (refused.get(status) ?? 0) + 1);
    // Whoever is away is not asked without end.
    if (isUnknown) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    return isUnknown ? undefined : 'refused';
  }
  async function send(slot: number, method: string, path: string, body?: object): Promise<void> {
    const name = serviceName(slot);
    const answer = await ask(method, `/v1/services/${name}${path}`, body);
    if (answer === 'refused') return;
    if (answer === undefined) {
      unsure.add(name);
      return;
    }
    unsure.delete(name);
    if (method === 'DELETE' && path === '') services.delete(name);
    else services.set(name, answer.body as Known);
  }
  const put = (slot: number) => send(slot, 'PUT', '', randomService(slot, chance, places));
  const changeWorkload = async (): Promise<void> => {
    if (isWorkloadBusy || workloads.length === 0) return;
    isWorkloadBusy = true;
    const { name, addresses } = chance.of(workloads);
    const labels = { ...chance.of(LABELS) };
    const url = `/v1/workloads/${name}`;
    const goes = registered.has(name) && chance.oneIn(3);
    const answer = goes ? await ask('DELETE', url) : await ask('PUT', url, { name, addresses, labels });
    if (typeof answer === 'object' && goes) registered.delete(name);
    else if (typeof answer === 'object') registered.set(name, labels);
    isWorkloadBusy = false;
  };
  const change = async (slot: number): Promise<void> => {
    const known = services.get(serviceName(slot));
    if (known === undefined || chance.oneIn(5)) return put(slot);
    if (chance.oneIn(15)) return send(slot, 'DELETE', '');
    const ref = known.endpoints.length === 0 ? undefined : chance.of(known.endpoints);
    if (ref === undefined || chance.oneIn(4)) {
      const name = chance.of([...places.containers, ...places.workloads]);
      return send(slot, 'POST', '/endpoints', randomEndpoint(name, known.families, chance, places));
    }
    const at = `/endpoints/${encodeURIComponent(ref.to)}`;
    if (chance.oneIn(4)) return send(slot, 'DELETE', at);
    return send(slot, 'PATCH', at, randomPatch(ref, chance));
  };

  return {
    services,
    workloads: registered,
    unsure,
    get changes() {
      return changes;
    },
    faults,
    refused,
    burst: async (count) => {
      const end = changes + count;
      const worker = async () => {
        while (changes < end && faults.length === 0) {
          if (chance.oneIn(WORKLOAD_EVERY)) await changeWorkload();
          const slot = chance.below(slots);
          if (busy.has(slot)) continue;
          busy.add(slot);
          await change(slot).finally(() => busy.delete(slot));
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    },
    makeSure: async () => {
      while (unsure.size > 0 && faults.length === 0)
        for (const name of unsure) await put(Number(name.slice(2)));
    },
  };
}

function randomPatch(ref: EndpointRef, chance: Chance): object {
  if (chance.oneIn(12)) return { drain: { deadlineSeconds: chance.of([0, 3600]) } };
  return chance.oneIn(2) ? { drain: ref.drain === undefined } : { weight: randomWeight(chance) };
}
