import { CausewayError } from '@causeway/shared/errors';
import type { ContainerStatus } from '@causeway/shared/model/container';
import type { ContainerView, EndpointView, ServiceView } from './api.ts';
import type { Client } from './client/client.ts';
import { followUntil } from './client/follow-until.ts';
import { formatDuration } from './input/duration.ts';
import { placeText } from './print/place.ts';

/** A program that cannot do its work says so within this time, milliseconds. */
export const STEADY_MS = 500;

export interface Patience {
  readonly timeoutMs: number;
  /** For so long no container may end badly after it has been seen running; default 0. */
  readonly steadyMs?: number;
  readonly onNote: (sentence: string) => void;
}

/**
 * Resolves when each of these containers runs, and has done so for a moment, or has ended well.
 * @throws CausewayError `degraded` when one failed, ended badly or is stopped, `timeout` naming those that do not run, and why
 */
export async function waitForContainers(
  client: Client,
  names: ReadonlySet<string>,
  patience: Patience,
): Promise<void> {
  const fates = new Map<string, Fate>();
  const missing = () => [...names].filter((name) => fates.get(name)?.kind !== 'runs');
  const broken = () => [...fates.values()].find(({ kind }) => kind === 'broken');
  const look = (timeoutMs: number, isDone: () => boolean) =>
    followUntil<ContainerView>(client, {
      ...{ timeoutMs, onNote: patience.onNote, isDone },
      path: '/v1/containers',
      keyOf: ({ name }) => name,
      look: (all) => {
        for (const name of names) fates.set(name, fateOf(all.get(name)));
      },
    });
  const complain = () => {
    const fault = broken();
    if (fault !== undefined) throw new CausewayError('degraded', fault.told);
  };
  await look(patience.timeoutMs, () => broken() !== undefined || missing().length === 0);
  complain();
  const late = missing().map((name) => fates.get(name)?.told || name);
  if (late.length > 0)
    throw new CausewayError(
      'timeout',
      `waiting for containers to run: not within ${formatDuration(patience.timeoutMs)}: ${late.join(', ')}`,
    );
  const { steadyMs = 0 } = patience;
  if (steadyMs > 0) await look(steadyMs, () => broken() !== undefined);
  complain();
}

interface Fate {
  readonly kind: 'runs' | 'waits' | 'broken';
  readonly told: string;
}

/** What becomes of a container. A host that speaks of what was before the definition, or the start, says nothing of it. */
function fateOf(container: ContainerView | undefined): Fate {
  if (container === undefined) return { kind: 'waits', told: '' };
  const { name, host, status, want, generation, revision } = container;
  const what = `container ${name} on ${host}`;
  if (want === 'stopped')
    return { kind: 'broken', told: `${what} is stopped: "svcctl start ${name}" starts it` };
  const isNew = (status?.revision ?? Number.POSITIVE_INFINITY) > revision;
  // One that was started while it still ran is told of no second time.
  if (status?.state === 'running' && (isNew || generation !== undefined)) return { kind: 'runs', told: '' };
  if (!isNew || status === undefined) return { kind: 'waits', told: name };
  const because = status.reason === undefined ? '' : `: ${status.reason}`;
  switch (status.state) {
    case 'exited':
      return status.exitCode === 0
        ? { kind: 'runs', told: '' }
        : {
            kind: 'broken',
            told: `${what} has ended with exit code ${status.exitCode ?? 'unknown'}${because}`,
          };
    case 'failed':
      return { kind: 'broken', told: `${what} does not run: ${status.reason ?? 'no reason was given'}` };
    case 'detached':
      return { kind: 'broken', told: `${what} is detached${because}` };
    default:
      return { kind: 'waits', told: `${name} (${status.state}${because})` };
  }
}

/**
 * Resolves when each of these containers is stopped.
 * @throws CausewayError `timeout` naming those that are not
 */
export async function waitForStops(
  client: Client,
  names: ReadonlySet<string>,
  patience: Patience,
): Promise<void> {
  let left: readonly string[] = [...names];
  await followUntil<ContainerView>(client, {
    ...patience,
    path: '/v1/containers',
    keyOf: ({ name }) => name,
    look: (all) => {
      left = [...names].filter((name) => RUNNING.includes(all.get(name)?.status?.state));
    },
    isDone: () => left.length === 0,
  });
  if (left.length === 0) return;
  throw new CausewayError(
    'timeout',
    `waiting for containers to be stopped: not within ${formatDuration(patience.timeoutMs)}: ${left.join(', ')}`,
  );
}

/** A container that failed may be started again at any moment, until its host has said that it is stopped. */
const RUNNING: readonly (ContainerStatus['state'] | undefined)[] = ['running', 'starting', 'failed'];

/**
 * Resolves when no host has any of these containers any more.
 * @throws CausewayError `timeout` naming those that are left, and where
 */
export async function waitForRemoval(
  client: Client,
  names: ReadonlySet<string>,
  patience: Patience,
): Promise<void> {
  let left: readonly ContainerStatus[] = [];
  const ended = await followUntil<ContainerStatus>(client, {
    ...patience,
    path: '/v1/container-status',
    keyOf: ({ name }) => name,
    look: (all) => {
      left = [...names].flatMap((name) => all.get(name) ?? []);
    },
    isDone: () => left.length === 0,
  });
  if (ended === 'done') return;
  const where = left.map(({ name, host }) => `${name} on ${host}`).join(', ');
  throw new CausewayError(
    'timeout',
    `waiting for containers to be gone: not within ${formatDuration(patience.timeoutMs)}: ` +
      (ended === 'untold' ? 'the controller did not tell' : where),
  );
}

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
