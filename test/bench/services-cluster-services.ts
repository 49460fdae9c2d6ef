import type { ServiceIntent } from '@causeway/shared/desired/intent';
import type { EndpointSet } from '@causeway/shared/model/endpoint';
import type { EndpointRef, ServiceSpec } from '@causeway/shared/model/service';
import type { ServiceInput } from '@causeway/shared/model/service-input';
import { encode } from '@causeway/shared/store/codec';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { keys } from '@causeway/shared/store/keys';
import type { Store, Write } from '@causeway/shared/store/store';
import { endpoint, serviceIntent } from '../support/intents.ts';

/** The services of the bench: number i has a VIP of its own, one port, and two endpoints that nobody else has. */

const PORT = 8088;
const TARGET_PORT = 8080;
/** etcd takes 128 operations in one transaction; a service has three keys. */
const IN_ONE = 42;
const AT_ONCE = 4;

export const nameOf = (i: number) => `s-${String(i).padStart(6, '0')}`;
export const vipOf = (i: number) => `10.96.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`;

/** Where endpoint 0 or 1 is after it has moved so often: in no network of the lab's. */
export function addressOf(i: number, which: 0 | 1, version: number): string {
  const n = 2 * i + which;
  return `10.${20 + (version % 40)}.${1 + Math.floor(n / 250)}.${1 + (n % 250)}`;
}

/** How often each of the two endpoints has moved. */
export type Versions = readonly [number, number];

/** As the kernel has it: `10.20.1.1 . 8080`, sorted. */
export function targetsOf(i: number, versions: Versions, weights: Versions = [1, 1]): readonly string[] {
  return ([0, 1] as const)
    .flatMap((which) =>
      Array<string>(weights[which]).fill(`${addressOf(i, which, versions[which])} . ${TARGET_PORT}`),
    )
    .sort();
}

export function refOf(i: number, which: 0 | 1, version: number): string {
  return `${addressOf(i, which, version)}:${TARGET_PORT}`;
}

export function inputOf(i: number, versions: Versions): ServiceInput {
  return {
    vip: vipOf(i),
    ports: [{ port: PORT, targetPort: TARGET_PORT }],
    endpoints: refsOf(i, versions),
  };
}

function refsOf(i: number, versions: Versions): EndpointRef[] {
  return ([0, 1] as const).map((which) => ({ to: refOf(i, which, versions[which]) }));
}

/** What an agent makes of it. */
export function intentOfNumber(i: number, versions: Versions = [0, 0]): ServiceIntent {
  const endpoints = ([0, 1] as const).map((which) =>
    endpoint(addressOf(i, which, versions[which]), TARGET_PORT),
  );
  return serviceIntent({ id: nameOf(i), vip: vipOf(i), port: PORT, endpoints });
}

/** As a task of a program inside. @param argument `etcd` URL and `count` of services */
export async function fillTask(argument: unknown): Promise<void> {
  const { etcd, count } = argument as { etcd: string; count: number };
  const store = openEtcdStore({ endpoints: [etcd] });
  await fill(store, count);
  store.close();
}

/** Writes them as the controller would have, many in one transaction: by the API it would take as long as all the rest. */
async function fill(store: Store, count: number): Promise<void> {
  const groups = Array.from({ length: Math.ceil(count / IN_ONE) }, (_, group) =>
    Array.from({ length: Math.min(IN_ONE, count - group * IN_ONE) }, (_, i) => group * IN_ONE + i),
  );
  const next = groups.values();
  const write = async () => {
    for (const group of next) await store.transaction([], group.flatMap(writesOf));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, write));
}

function writesOf(i: number): Write[] {
  const name = nameOf(i);
  const endpoints = refsOf(i, [0, 0]);
  const spec: ServiceSpec = {
    name,
    vips: [vipOf(i)],
    families: ['ipv4'],
    ports: [{ name: '', protocol: 'tcp', port: PORT, targetPort: TARGET_PORT }],
    endpoints,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
  const set: EndpointSet = {
    service: name,
    endpoints: ([0, 1] as const).map((which) => ({
      portName: '',
      address: addressOf(i, which, 0),
      port: TARGET_PORT,
      ref: refOf(i, which, 0),
    })),
    unresolved: [],
  };
  return [
    { put: keys.vip(vipOf(i)), value: name },
    { put: keys.serviceSpec(name), value: encode(spec) },
    { put: keys.serviceEndpoints(name), value: encode(set) },
  ];
}
