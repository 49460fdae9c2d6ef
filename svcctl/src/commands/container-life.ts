import { CausewayError } from '@causeway/shared/errors';
import type { ContainerView } from '../api.ts';
import type { Client } from '../client/client.ts';
import { containerName, heedDeadHosts, isHasty, patienceOf } from '../containers.ts';
import { type Context, dryRunOption, noWaitOptions, type WriteOptions } from '../context.ts';
import { safe } from '../print/safe.ts';
import { STEADY_MS, waitForContainers, waitForRemoval, waitForStops } from '../wait-objects.ts';

interface RemoveOptions extends WriteOptions {
  readonly force?: true;
}

export function addStop(context: Context): void {
  const [wait, noWait, timeout] = noWaitOptions('they are stopped');
  context
    .command(context.program, 'stop', 'Stop containers; they keep their addresses and files', [
      'svcctl stop web-1',
      'svcctl stop web-1 web-2 --no-wait',
    ])
    .argument('<name...>', 'containers’ names')
    .addOption(wait)
    .addOption(noWait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', '\nServices lose them at once; the command returns when they are stopped.')
    .action((names: readonly string[], options: WriteOptions) => setWanted(context, 'stop', names, options));
}

export function addStart(context: Context): void {
  const [wait, noWait, timeout] = noWaitOptions('they run');
  context
    .command(context.program, 'start', 'Start containers that were stopped or have ended', [
      'svcctl start web-1',
    ])
    .argument('<name...>', 'containers’ names')
    .addOption(wait)
    .addOption(noWait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', '\nIt returns when they run.')
    .action((names: readonly string[], options: WriteOptions) => setWanted(context, 'start', names, options));
}

export function addRemove(context: Context): void {
  const [wait, noWait, timeout] = noWaitOptions('their hosts have removed them');
  context
    .command(context.program, 'rm', 'Remove containers, with their files and addresses', [
      'svcctl rm web-1',
      'svcctl rm web-1 web-2 --force',
    ])
    .argument('<name...>', 'containers’ names')
    .option('--force', 'also those that run, or whose network others use')
    .addOption(wait)
    .addOption(noWait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', '\nIt returns when their hosts have removed them.')
    .action((names: readonly string[], options: RemoveOptions) => remove(context, names, options));
}

async function setWanted(
  context: Context,
  verb: 'stop' | 'start',
  typed: readonly string[],
  options: WriteOptions,
): Promise<void> {
  const names = typed.map(containerName);
  const client = context.client();
  const query = options.dryRun ? { dryRun: 'true' } : {};
  const hosts: string[] = [];
  let stopSeconds = 0;
  for (const name of names) {
    const { body, changed } = await client.ask<ContainerView>('POST', `/v1/containers/${name}/${verb}`, {
      query,
    });
    const done = verb === 'stop' ? 'stopped' : 'started';
    const dry = options.dryRun ? ' (dry run)' : '';
    context.io.out(`${safe(`container/${name} ${changed ? done : 'unchanged'}${dry}  on ${body.host}`)}\n`);
    hosts.push(body.host);
    stopSeconds = Math.max(stopSeconds, body.stopSeconds ?? 0);
  }
  await heedDeadHosts(context, client, hosts, options);
  if (isHasty(options)) return;
  const wait = verb === 'stop' ? waitForStops : waitForContainers;
  const patience = patienceOf(context, options, stopSeconds * 1_000);
  await wait(client, new Set(names), { ...patience, steadyMs: STEADY_MS });
}

async function remove(context: Context, typed: readonly string[], options: RemoveOptions): Promise<void> {
  const names = typed.map(containerName);
  const client = context.client();
  const found: ContainerView[] = [];
  for (const name of names) found.push(await client.get<ContainerView>(`/v1/containers/${name}`));
  const attached = found.find(({ attach }) => attach !== undefined);
  if (attached?.attach !== undefined)
    throw new CausewayError(
      'conflict',
      `container ${attached.name} is ${attached.attach.kind}:${attached.attach.id}, which is not ours to remove: "svcctl detach ${attached.name}" lets it go`,
      { field: 'name', value: attached.name },
    );
  await removeAll(context, client, names, options);
  await heedDeadHosts(
    context,
    client,
    found.map(({ host }) => host),
    options,
  );
  if (!isHasty(options))
    await waitForRemoval(client, new Set(names), patienceOf(context, options, longestStop(found)));
}

/** Milliseconds that those which run may take to end. */
function longestStop(containers: readonly ContainerView[]): number {
  return Math.max(0, ...containers.map(({ stopSeconds = 0 }) => stopSeconds)) * 1_000;
}

async function removeAll(
  context: Context,
  client: Client,
  names: readonly string[],
  { force, dryRun }: RemoveOptions,
): Promise<void> {
  const query = { force: String(force ?? false), ...(dryRun ? { dryRun: 'true' } : {}) };
  for (const name of names) {
    await client.ask('DELETE', `/v1/containers/${name}`, { query });
    context.io.out(`${safe(`container/${name}`)} removed${dryRun ? ' (dry run)' : ''}\n`);
  }
}
