import { CausewayError, show } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { namespaceOwner } from './validate/container-cluster.ts';
import type { Tables } from './view/tables.ts';

/** Its process has ended, so that starting it means running it once more. */
const ENDED: readonly (ContainerStatus['state'] | undefined)[] = ['exited', 'failed', 'stopped'];

/**
 * What a container's definition becomes when it is stopped or started.
 *
 * @param status what its host says of it
 * @returns the same object when nothing is to change: it is stopped, or runs, already
 * @throws CausewayError `conflict` for a container of others
 */
export function wantedState(
  spec: ContainerSpec,
  status: ContainerStatus | undefined,
  want: 'running' | 'stopped',
): ContainerSpec {
  if (spec.attach !== undefined) {
    const told = `${spec.attach.kind}:${spec.attach.id}`;
    throw conflict(
      spec.name,
      `container "${spec.name}" is attached: ${show(told)} is stopped and started by whoever made it`,
    );
  }
  const { want: is = 'running', ...rest } = spec;
  if (want === 'stopped') return is === 'stopped' ? spec : { ...spec, want };
  const state = status?.host === spec.host ? status.state : undefined;
  if (is === 'running' && !ENDED.includes(state)) return spec;
  return { ...rest, generation: (spec.generation ?? 0) + 1 };
}

/** @throws CausewayError `conflict` when it runs, or when another one is in its network */
export function checkRemovable(
  spec: ContainerSpec,
  tables: Pick<Tables, 'container' | 'containerStatus'>,
): void {
  const { name, host, want } = spec;
  const status = tables.containerStatus.get(name)?.value;
  const state = status?.host === host ? status.state : undefined;
  // What has just been started may still be told of as stopped.
  const isStarting = state === 'stopped' && want !== 'stopped';
  if (spec.attach === undefined && (state === 'running' || state === 'starting' || isStarting)) {
    const how =
      want === 'stopped' ? 'is still being stopped' : `is ${state === 'running' ? 'running' : 'starting'}`;
    throw conflict(name, `container "${name}" ${how} on ${host}: stop it first, or remove it by force`);
  }
  for (const { value: other } of tables.container.values())
    if (namespaceOwner(other) === name)
      throw conflict(
        name,
        `container "${name}" has the network that container "${other.name}" is in: remove that one first, or this one by force`,
      );
}

/** @returns the error for a container that nobody knows. */
export function noContainer(name: string): CausewayError {
  return new CausewayError('not-found', `there is no container ${show(name)}`, {
    field: 'name',
    value: name,
  });
}

function conflict(name: string, sentence: string): CausewayError {
  return new CausewayError('conflict', sentence, { field: 'name', value: name });
}
