import { CausewayError } from '@causeway/shared/errors';
import type { ContainerInput } from '@causeway/shared/model/container-input';
import type { ContainerView, NodeView } from './api.ts';
import type { Client } from './client/client.ts';
import type { Patience } from './client/follow-until.ts';
import { type Context, DEFAULT_TIMEOUT_MS, type WriteOptions } from './context.ts';
import { CONTAINER_FLAGS } from './input/container-options.ts';
import { inFlags } from './input/flags.ts';
import { checkName } from './input/name.ts';
import type { Several } from './several.ts';

/** Hosts whose agent is away. */
export async function deadHosts(client: Client): Promise<ReadonlySet<string>> {
  // What is asked for happens all the same: that nobody can say more about it is no failure.
  const nodes = await client.list<NodeView>('/v1/nodes').catch(() => undefined);
  return new Set(nodes?.items.filter(({ alive }) => !alive).map(({ name }) => name));
}

/**
 * What is asked of a host whose agent is away happens later: says so for each of these.
 * @returns those hosts
 */
export async function noteDeadHosts(
  context: Context,
  client: Client,
  hosts: readonly string[],
): Promise<readonly string[]> {
  const away = hosts.length === 0 ? new Set() : await deadHosts(client);
  const dead = [...new Set(hosts)].filter((host) => away.has(host));
  for (const host of dead)
    context.note(`host ${host} is not alive: this happens there when its agent is back`);
  return dead;
}

/** What was asked of a container's host. */
export interface Asked {
  readonly container: Pick<ContainerView, 'name' | 'host'>;
  /** Says what became of it: that it has happened, or is only under way. */
  readonly tell: (isDone: boolean) => void;
}

/**
 * Waits for what was asked of containers' hosts, unless the command was told not to, and has each told of. A command that
 * waits by itself has nothing to wait for where the agent is away.
 */
export async function waitOnHosts(
  { context, client, several }: { context: Context; client: Client; several: Several },
  asked: readonly Asked[],
  options: WriteOptions,
  wait: (names: ReadonlySet<string>, onDone: (name: string) => void) => Promise<void>,
): Promise<void> {
  const hosts = asked.map(({ container: { host } }) => host);
  const dead = await noteDeadHosts(context, client, hosts);
  const vain = options.wait === undefined ? dead : [];
  const waited = new Map<string, Asked>();
  for (const one of asked) {
    const { name, host } = one.container;
    if (isHasty(options) || vain.includes(host)) one.tell(options.dryRun === true);
    else waited.set(name, one);
  }
  if (isHasty(options)) return;
  if (waited.size > 0)
    await several.attempt(() => wait(new Set(waited.keys()), (name) => waited.get(name)?.tell(true)));
  if (vain.length > 0) await several.attempt(() => Promise.reject(notWaitedFor(vain)));
}

/** @returns the error for hosts whose agents are away */
export function notWaitedFor(hosts: readonly string[]): CausewayError {
  return new CausewayError('degraded', `nothing was waited for on ${hosts.join(', ')}`);
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

/** Each once: who names one twice means it once. @throws CausewayError `invalid` before anything is done */
export function containerNames(typed: readonly string[]): readonly string[] {
  return [...new Set(typed.map(containerName))];
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
