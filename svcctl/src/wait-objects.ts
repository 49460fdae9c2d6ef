import { CausewayError } from '@causeway/shared/errors';
import type { ContainerStatus } from '@causeway/shared/model/container';
import type { ContainerView, EndpointView } from './api.ts';
import type { Client } from './client/client.ts';
import { followUntil } from './client/follow-until.ts';
import { formatDuration } from './input/duration.ts';

export interface Patience {
  readonly timeoutMs: number;
  readonly onNote: (sentence: string) => void;
}

/**
 * Resolves when each of these containers runs.
 * @throws CausewayError `degraded` when one failed, `timeout` naming those that do not run
 */
export async function waitForContainers(
  client: Client,
  names: ReadonlySet<string>,
  patience: Patience,
): Promise<void> {
  const states = new Map<string, ContainerView['status']>();
  const missing = () => [...names].filter((name) => states.get(name)?.state !== 'running');
  const failed = () => [...names].find((name) => states.get(name)?.state === 'failed');
  await followUntil<ContainerView>(client, {
    ...patience,
    path: '/v1/containers',
    keyOf: ({ name }) => name,
    look: (all) => {
      for (const name of names) states.set(name, all.get(name)?.status);
    },
    isDone: () => failed() !== undefined || missing().length === 0,
  });
  const broken = failed();
  if (broken !== undefined) {
    const { host, reason = 'no reason was given' } = states.get(broken) ?? {};
    throw new CausewayError('degraded', `container ${broken} on ${host} does not run: ${reason}`);
  }
  const late = missing();
  if (late.length > 0)
    throw new CausewayError(
      'timeout',
      `waiting for containers to run: not within ${formatDuration(patience.timeoutMs)}: ${late.join(', ')}`,
    );
}

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

/** A service's target as it was typed. */
export interface Target {
  readonly service: string;
  readonly ref: string;
}

/**
 * Waits until the controller has found what these targets lead to.
 * @returns etcd's revision of the newest of those endpoints, 0 for none
 * @throws CausewayError `timeout` naming the targets that lead nowhere
 */
export async function waitForTargets(
  client: Client,
  targets: readonly Target[],
  patience: Patience,
): Promise<number> {
  if (targets.length === 0) return 0;
  let found: EndpointView[] = [];
  const missing = () =>
    targets.filter(({ service, ref }) => !found.some((each) => each.service === service && each.ref === ref));
  await followUntil<EndpointView>(client, {
    ...patience,
    path: '/v1/endpoints',
    keyOf: (each) => [each.service, each.portName, each.address, each.port].join(' '),
    look: (all) => {
      found = [...all.values()];
    },
    isDone: () => missing().length === 0,
  });
  const lost = missing().map(({ service, ref }) => `${ref} of service ${service}`);
  if (lost.length > 0)
    throw new CausewayError(
      'timeout',
      `waiting for endpoints: not within ${formatDuration(patience.timeoutMs)}: ${lost.join(', ')}`,
    );
  return Math.max(...found.map(({ revision }) => revision ?? 0));
}
