import { CausewayError } from '@causeway/shared/errors';
import type { ContainerInput } from '@causeway/shared/model/container-input';
import type { ContainerView, NodeView } from './api.ts';
import type { Client } from './client/client.ts';
import { type Context, DEFAULT_TIMEOUT_MS, type WriteOptions } from './context.ts';
import { CONTAINER_FLAGS } from './input/container-options.ts';
import { inFlags } from './input/flags.ts';
import { checkName } from './input/name.ts';
import type { Patience } from './wait-objects.ts';

/**
 * What is asked of a host whose agent is away happens later: says so for each of these.
 * @returns those hosts
 */
export async function noteDeadHosts(
  context: Context,
  client: Client,
  hosts: readonly string[],
): Promise<readonly string[]> {
  // What was asked is done: that nobody can say more about it is no failure.
  const nodes = await client.list<NodeView>('/v1/nodes').catch(() => undefined);
  const isDead = (host: string) => nodes?.items.some(({ name, alive }) => name === host && !alive) ?? false;
  const dead = [...new Set(hosts)].filter(isDead);
  for (const host of dead)
    context.note(`host ${host} is not alive: this happens there when its agent is back`);
  return dead;
}

/**
 * Says which of these hosts are not alive; a command that waits by itself has nothing to wait for there.
 * @throws CausewayError `degraded`
 */
export async function heedDeadHosts(
  context: Context,
  client: Client,
  hosts: readonly string[],
  options: WriteOptions,
): Promise<void> {
  const dead = await noteDeadHosts(context, client, hosts);
  if (dead.length > 0 && options.wait === undefined && !options.dryRun)
    throw new CausewayError('degraded', `nothing was waited for on ${dead.join(', ')}`);
}

/** The controller waits until a host has removed an earlier container of the name, which may take to stop, milliseconds. */
export const CREATION_MS = 30_000;

/** Asks for a container; what is wrong with it is told by its flags. @returns whether there was none of that definition */
export async function createContainer(
  client: Client,
  body: ContainerInput,
  { dryRun = false }: WriteOptions,
): Promise<{ readonly container: ContainerView; readonly isNew: boolean }> {
  const query = dryRun ? { dryRun: 'true' } : {};
  const { status, body: container } = await client
    .ask<ContainerView>('POST', '/v1/containers', { query, body, silenceMs: CREATION_MS })
    .catch((error: unknown) => {
      throw inFlags(error, CONTAINER_FLAGS);
    });
  return { container, isNew: dryRun ? container.revision === 0 : status === 201 };
}

/** A container's name, also as `container/web-1`. @throws CausewayError `invalid` */
export function containerName(text: string): string {
  return checkName('name', text.replace(/^containers?\//, ''));
}

/** @param atLeastMs what it takes by itself, milliseconds */
export function patienceOf(context: Context, { timeout }: WriteOptions, atLeastMs = 0): Patience {
  return {
    timeoutMs: timeout ?? DEFAULT_TIMEOUT_MS + atLeastMs,
    onNote: (sentence) => context.note(sentence),
  };
}

/** Whether a command that waits by itself is not to: it was told so, or nothing happens. */
export function isHasty({ wait = true, dryRun = false }: WriteOptions): boolean {
  return !wait || dryRun;
}
