import type { ContainerView } from './api.ts';
import type { Client } from './client/client.ts';
import { type Asked, containerNames, deadHosts, isHasty, patienceOf, waitOnHosts } from './containers.ts';
import type { Context, WriteOptions } from './context.ts';
import { safe } from './print/safe.ts';
import { Several } from './several.ts';
import { waitForFirstWords, waitForRemoval } from './wait-containers.ts';

/** How a command takes containers away. */
export interface Removal {
  /** What it says then, and until then: `removed`, `being removed` */
  readonly done: string;
  readonly doing: string;
  /** Also one that runs, or whose network others use. */
  readonly force: boolean;
  /** @throws CausewayError for one that another command takes away */
  readonly check: (container: ContainerView) => void;
}

/** A host tells of a container as soon as it starts it, or puts it in line, milliseconds. */
const FIRST_WORD_MS = 10_000;

/** Removes containers, each as if it was the only one, and waits until their hosts have done so. */
export async function removeContainers(
  context: Context,
  typed: readonly string[],
  options: WriteOptions,
  removal: Removal,
): Promise<void> {
  const client = context.client();
  const several = new Several(context);
  const found = await several.each(containerNames(typed), async (name) => {
    const container = await client.get<ContainerView>(`/v1/containers/${name}`);
    removal.check(container);
    return container;
  });
  if (!isHasty(options)) await several.attempt(() => hearOf(context, client, found, options));
  const gone = await several.each(found, (container) => remove(context, client, container, options, removal));
  const patience = patienceOf(context, options, longestStop(gone.map(({ container }) => container)));
  await waitOnHosts({ context, client, several }, gone, options, (names, onDone) =>
    waitForRemoval(client, names, { ...patience, onDone }),
  );
  several.end();
}

/** Milliseconds that those which run may take to end. */
export function longestStop(containers: readonly ContainerView[]): number {
  return Math.max(0, ...containers.map(({ stopSeconds = 0 }) => stopSeconds)) * 1_000;
}

/** That a host has taken a container away is seen by what it said of it. */
export async function hearOf(
  context: Context,
  client: Client,
  containers: readonly ContainerView[],
  options: WriteOptions,
): Promise<void> {
  const silent = containers.filter(({ status }) => status === undefined);
  if (silent.length === 0) return;
  const dead = await deadHosts(client);
  const names = silent.filter(({ host }) => !dead.has(host)).map(({ name }) => name);
  if (names.length === 0) return;
  const { timeoutMs, onNote } = patienceOf(context, options);
  await waitForFirstWords(client, new Set(names), { onNote, timeoutMs: Math.min(timeoutMs, FIRST_WORD_MS) });
}

async function remove(
  { io }: Context,
  client: Client,
  container: ContainerView,
  { dryRun }: WriteOptions,
  { done, doing, force }: Removal,
): Promise<Asked & { readonly container: ContainerView }> {
  const { name } = container;
  const query = { force: String(force), ...(dryRun ? { dryRun: 'true' } : {}) };
  await client.ask('DELETE', `/v1/containers/${name}`, { query });
  const tell = (isDone: boolean) =>
    io.out(`${safe(`container/${name}`)} ${isDone ? done : doing}${dryRun ? ' (dry run)' : ''}\n`);
  return { container, tell };
}
