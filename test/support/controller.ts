import { buildApp } from '@causeway/controller/app';
import { ensureCluster, type Wanted } from '@causeway/controller/bootstrap';
import type { App } from '@causeway/controller/deps';
import { type EndpointLoop, startEndpointLoop } from '@causeway/controller/endpoints/loop';
import { startPolicyLoop } from '@causeway/controller/policies/loop';
import { View } from '@causeway/controller/view/view';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type { SubnetLease } from '@causeway/shared/model/lease';
import type { NodeRecord } from '@causeway/shared/model/node';
import { entriesOf, mapFamilies } from '@causeway/shared/net/family';
import { encode } from '@causeway/shared/store/codec';
import { encodeLease } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import { expect } from 'vitest';
import { type FakeStore, fakeStore } from './fake-store.ts';

/** A controller over an etcd in memory, with two hosts and a container, for unit tests. */
export interface Rig {
  readonly store: FakeStore;
  readonly view: View;
  readonly app: App;
  readonly loop: EndpointLoop;
  /** Sends a request and reads the answer as JSON. */
  ask(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: unknown,
    headers?: Headers,
  ): Promise<Answer>;
  /** Resolves when the view holds everything that the store holds and the endpoints are settled. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

type Headers = Readonly<Record<string, string>>;

export interface Answer {
  readonly status: number;
  // The body's shape is what the tests are about.
  // biome-ignore lint/suspicious/noExplicitAny: a test's expectations say what it is
  readonly body: any;
  readonly headers: Readonly<Record<string, unknown>>;
}

export const WEB_1: ContainerSpec = { name: 'web-1', host: 'host-1', command: ['httpd'], files: {} };

export function host(number: number): NodeRecord {
  return {
    name: `host-${number}`,
    id: `id-${number}`,
    ipv4: {
      publicIp: `192.168.122.${10 + number}`,
      network: '192.168.122.0/24',
      subnet: `10.10.${number}.0/24`,
    },
    addresses: [`192.168.122.${10 + number}`, `172.16.${number}.1`],
    dataplane: 'nftables',
    version: '0.1.0',
  };
}

export interface RigOptions {
  readonly random?: () => number;
  /** Milliseconds since the epoch; default: the first moment of 2026, which never passes. */
  readonly now?: () => number;
  /** What the first configuration is asked to be. */
  readonly wanted?: Wanted;
  /** Of the controller, with dots. */
  readonly names?: readonly string[];
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const store = fakeStore();
  await ensureCluster(store, options.wanted ?? {}, () => {});
  const now = options.now ?? (() => Date.parse('2026-01-01T00:00:00.000Z'));
  for (const number of [1, 2]) addHost(store, host(number));
  store.put(keys.container('web-1'), encode(WEB_1));
  store.put(keys.containerStatus('web-1'), encode(running('web-1', 'host-1', '10.10.1.2')));
  const view = new View(store);
  await view.whole(1_000);
  const app = await buildApp({
    store,
    view,
    patienceMs: 50,
    names: options.names ?? [],
    chance: { random: options.random ?? Math.random, now: () => new Date(now()).toISOString() },
  });
  const log = { debug: () => {}, warn: () => {} };
  const loop = startEndpointLoop(store, view, log, now);
  const policyLoop = startPolicyLoop(store, view, log);
  return {
    store,
    view,
    app,
    loop,
    ask: async (method, url, body, headers = {}) => {
      const reply = await app.inject({
        method,
        url,
        headers,
        ...(body === undefined ? {} : { payload: body as object }),
      });
      const isJson = String(reply.headers['content-type']).includes('json');
      return { status: reply.statusCode, body: isJson ? reply.json() : reply.body, headers: reply.headers };
    },
    settled: async () => {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      await loop.idle();
      await policyLoop.idle();
    },
    close: async () => {
      loop.stop();
      policyLoop.stop();
      await app.close();
      view.close();
      store.close();
    },
  };
}

export function addHost(store: FakeStore, node: NodeRecord): void {
  store.put(keys.node(node.name), encode(node));
  store.put(keys.alive(node.name), encode({ id: node.id, instance: 'one' }));
  const subnets = mapFamilies(node, ({ subnet }) => subnet);
  if (entriesOf(subnets).length === 0) return;
  const lease: SubnetLease = {
    backendType: 'host-gw',
    ...mapFamilies(node, ({ subnet, publicIp }) => (subnet === undefined ? undefined : { subnet, publicIp })),
    node: { id: node.id, name: node.name },
  };
  store.put(keys.subnet(subnets), encodeLease(lease));
  for (const [, subnet] of entriesOf(subnets)) store.put(keys.claim(subnet), node.id);
}

export function running(name: string, on: string, address: string): ContainerStatus {
  return { name, host: on, state: 'running', address };
}

/** Sends it and expects one sentence that names field and value, and an etcd that is as before. */
export async function refused(
  rig: Rig,
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  body: unknown,
): Promise<{ status: number; field: string; detail: string }> {
  const before = rig.store.dump();
  const answer = await rig.ask(method, url, body, { 'content-type': 'application/json' });
  await rig.settled();
  expect(rig.store.dump()).toEqual(before);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.body).toMatchObject({
    status: answer.status,
    detail: expect.any(String),
    code: expect.any(String),
  });
  expect(answer.body.detail).not.toMatch(/[\n\r]/);
  expect(answer.body.detail.length).toBeLessThan(300);
  return answer.body;
}

/** An endpoint as the API shows it, as far as tests of states go. */
export interface ShownEndpoint {
  readonly address: string;
  readonly state: string;
  readonly reason?: string;
  readonly checkedBy?: string;
}

/** @returns `ADDRESS STATE REASON` of each endpoint of a service, in the API's order */
export async function endpointStates(rig: Rig, service: string): Promise<readonly string[]> {
  const { body } = await rig.ask('GET', `/v1/services/${service}/endpoints`);
  return body.items.map(({ address, state, reason }: ShownEndpoint) =>
    [address, state, reason ?? []].flat().join(' '),
  );
}
