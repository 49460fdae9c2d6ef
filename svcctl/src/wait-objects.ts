import { CausewayError } from '@causeway/shared/errors';
import type { EndpointView, ServiceView } from './api.ts';
import type { Client } from './client/client.ts';
import { followUntil, type Patience } from './client/follow-until.ts';
import { formatDuration } from './input/duration.ts';
import { placeText } from './print/place.ts';

/** A service's target: the container or workload that it names. */
export interface Target {
  readonly service: string;
  readonly name: string;
}

/**
 * Waits until the controller has found what these targets lead to. Two targets may lead to one place, which is one
 * endpoint: what counts is that none of them leads nowhere.
 * @returns etcd's revision of the newest of those endpoints, 0 for none
 * @throws CausewayError `timeout` with what the controller says of those that lead nowhere
 */
export async function waitForTargets(
  client: Client,
  targets: readonly Target[],
  patience: Patience,
): Promise<number> {
  if (targets.length === 0) return 0;
  let services: ReadonlyMap<string, ServiceView> = new Map();
  const missing = () => [...new Set(targets.flatMap((target) => lost(target, services)))];
  const ended = await followUntil<ServiceView>(client, {
    ...patience,
    path: '/v1/services',
    keyOf: ({ name }) => name,
    look: (all) => {
      services = all;
    },
    isDone: () => missing().length === 0,
  });
  if (ended !== 'done')
    throw new CausewayError(
      'timeout',
      `waiting for endpoints: not within ${formatDuration(patience.timeoutMs)}: ` +
        (ended === 'untold' ? 'the controller did not tell' : missing().join(', ')),
    );
  const names = [...new Set(targets.map(({ service }) => service))];
  const sets = await Promise.all(
    names.map((name) => client.list<EndpointView>(`/v1/services/${name}/endpoints`)),
  );
  return Math.max(0, ...sets.flatMap(({ items }) => items.map(({ revision }) => revision ?? 0)));
}

/** Why a target leads nowhere, each a sentence. */
function lost({ service, name }: Target, services: ReadonlyMap<string, ServiceView>): readonly string[] {
  const status = services.get(service)?.status;
  if (status === undefined) return [`${name} of service ${service}`];
  return status.unresolved
    .filter((sentence) => sentence.includes(JSON.stringify(name)))
    .map((sentence) => `service ${service}: ${sentence}`);
}

/** How long a host takes to hear of an endpoint and to tell what it answered, milliseconds, beside the answer itself. */
const WORD_MS = 3_000;

/**
 * Waits for the first good answer to a new service's health check: until then it refuses connections. When none comes in
 * the time that an answer takes, a note says so.
 * @returns etcd's revision of the newest of its endpoints, 0 for none
 */
export async function waitForHealth(
  client: Client,
  { name, health, status }: ServiceView,
  { timeoutMs, onNote }: Patience,
): Promise<number> {
  if (health === undefined || status === undefined || status.endpoints === 0) return 0;
  let ready = status.ready;
  if (ready === 0)
    await followUntil<ServiceView>(client, {
      onNote,
      timeoutMs: Math.min(timeoutMs, health.timeoutMs + WORD_MS),
      path: '/v1/services',
      keyOf: (service) => service.name,
      look: (all) => {
        ready = all.get(name)?.status?.ready ?? 0;
      },
      isDone: () => ready > 0,
    });
  const { items } = await client.list<EndpointView>(`/v1/services/${name}/endpoints`);
  const [first] = items;
  if (ready === 0 && first !== undefined)
    onNote(
      `no endpoint of service "${name}" is healthy: ${placeText(first.address, first.port)}: ${first.reason ?? 'it was not asked'}`,
    );
  return Math.max(0, ...items.map(({ revision }) => revision ?? 0));
}
