import { CausewayError, invalid, messageOf } from '@causeway/shared/errors';
import type { ContainerView } from '../api.ts';
import type { Client } from '../client/client.ts';
import { hearOf } from '../container-removal.ts';
import { patienceOf } from '../containers.ts';
import { type Context, dryRunOption, type WriteOptions, waitOptions } from '../context.ts';
import { type Kind, parseSubject, singular } from '../input/kinds.ts';
import { readManifests } from '../input/manifest.ts';
import { COLLECTIONS } from '../input/manifest-object.ts';
import { checkName } from '../input/name.ts';
import { removeObject } from '../remove.ts';
import { waitForRemoval } from '../wait-containers.ts';

interface DeleteOptions extends WriteOptions {
  readonly filename?: string;
}

interface Target {
  readonly kind: Kind;
  readonly name: string;
}

export function addDelete(context: Context): void {
  const [wait, timeout] = waitOptions();
  context
    .command(
      context.program,
      'delete',
      'Delete a service, a container, a workload or a policy, or all objects of a file',
      [
        'svcctl delete service web --wait',
        'svcctl delete container web-1 --wait',
        'svcctl delete -f web.yaml',
      ],
    )
    .argument('[type]', 'service, container, workload or policy')
    .argument('[name]', 'its name (or write both as service/web)')
    .option('-f, --filename <file>', 'delete the objects of this file; - is stdin')
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .action((type: string | undefined, name: string | undefined, options: DeleteOptions) =>
      remove(context, type, name, options),
    );
}

async function remove(
  context: Context,
  type: string | undefined,
  name: string | undefined,
  options: DeleteOptions,
): Promise<void> {
  const targets = await targetsOf(context, type, name, options.filename);
  const client = context.client();
  await hearOfContainers(context, client, targets, options);
  const missing: string[] = [];
  const gone = new Set<string>();
  const newest = { services: 0, policies: 0 };
  for (const { kind, name: one } of targets) {
    try {
      const revision = await removeObject(context, client, kind, one, options);
      if (kind === 'services' || kind === 'policies') newest[kind] = Math.max(newest[kind], revision);
      else if (kind === 'containers') gone.add(one);
    } catch (error) {
      // In a file of several, those that are gone already keep none of the others.
      if (!(error instanceof CausewayError) || error.code !== 'not-found') throw error;
      missing.push(messageOf(error));
    }
  }
  for (const what of ['services', 'policies'] as const)
    if (newest[what] > 0) await context.settle(client, newest[what], options, what);
  if (options.wait && gone.size > 0) await waitForRemoval(client, gone, patienceOf(context, options));
  if (missing.length > 0) throw new CausewayError('not-found', missing.join('; '));
}

/** What is asked of a container's host while it may be making it is seen to be over only once it has spoken of it. */
async function hearOfContainers(
  context: Context,
  client: Client,
  targets: readonly Target[],
  options: DeleteOptions,
): Promise<void> {
  const names = new Set(targets.flatMap(({ kind, name }) => (kind === 'containers' ? [name] : [])));
  if (!options.wait || names.size === 0) return;
  const { items } = await client.list<ContainerView>('/v1/containers');
  await hearOf(
    context,
    client,
    items.filter(({ name }) => names.has(name)),
    options,
  );
}

async function targetsOf(
  context: Context,
  type: string | undefined,
  name: string | undefined,
  file: string | undefined,
): Promise<Target[]> {
  if (file !== undefined) {
    if (type !== undefined) throw invalid('type', type, 'and a file exclude each other');
    const manifests = await readManifests(context.io, file);
    // Services first, so that none is left without what it points to; policies last, so that nothing is without them.
    const rank = ({ kind }: Target): number => (kind === 'services' ? 0 : kind === 'policies' ? 2 : 1);
    return manifests
      .map(({ kind, name: one }): Target => ({ kind: COLLECTIONS[kind], name: one }))
      .sort((a, b) => rank(a) - rank(b));
  }
  if (type === undefined)
    throw new CausewayError('invalid', 'name what to delete: svcctl delete service NAME, or -f FILE');
  const subject = parseSubject(type, name, ['services', 'containers', 'workloads', 'policies']);
  return [
    { kind: subject.kind, name: checkName(`name of the ${singular(subject.kind)}`, subject.name ?? '') },
  ];
}
