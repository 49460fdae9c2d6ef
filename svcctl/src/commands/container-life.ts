import { CausewayError } from '@causeway/shared/errors';
import type { ContainerView } from '../api.ts';
import type { Client } from '../client/client.ts';
import { containerName, noteDeadHosts, patienceOf } from '../containers.ts';
import { type Context, dryRunOption, type WriteOptions, waitOptions } from '../context.ts';
import { safe } from '../print/safe.ts';
import { waitForContainers, waitForRemoval, waitForStops } from '../wait-objects.ts';

interface RemoveOptions extends WriteOptions {
  readonly force?: true;
}

export function addStop(context: Context): void {
  const [wait, timeout] = waitOptions();
  context
    .command(context.program, 'stop', 'Stop containers; they keep their addresses and files', [
      'svcctl stop web-1 --wait',
      'svcctl stop web-1 web-2',
    ])
    .argument('<name...>', 'containers’ names')
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', '\nServices lose them at once. With --wait it returns when they are stopped.')
    .action((names: readonly string[], options: WriteOptions) => setWanted(context, 'stop', names, options));
}

export function addStart(context: Context): void {
  const [wait, timeout] = waitOptions();
  context
    .command(context.program, 'start', 'Start containers that were stopped or have ended', [
      'svcctl start web-1 --wait',
    ])
    .argument('<name...>', 'containers’ names')
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', '\nWith --wait it returns when they run.')
    .action((names: readonly string[], options: WriteOptions) => setWanted(context, 'start', names, options));
}

export function addRemove(context: Context): void {
  const [wait, timeout] = waitOptions();
  context
    .command(context.program, 'rm', 'Remove containers, with their files and addresses', [
      'svcctl rm web-1',
      'svcctl rm web-1 web-2 --force --wait',
    ])
    .argument('<name...>', 'containers’ names')
    .option('--force', 'also those that run, or whose network others use')
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', '\nWith --wait it returns when their hosts have removed them.')
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
  for (const name of names) {
    const { body, changed } = await client.ask<ContainerView>('POST', `/v1/containers/${name}/${verb}`, {
      query,
    });
    const done = verb === 'stop' ? 'stopped' : 'started';
    const dry = options.dryRun ? ' (dry run)' : '';
    context.io.out(`${safe(`container/${name} ${changed ? done : 'unchanged'}${dry}  on ${body.host}`)}\n`);
    hosts.push(body.host);
  }
  await noteDeadHosts(context, client, hosts);
  if (!options.wait || options.dryRun) return;
  const wait = verb === 'stop' ? waitForStops : waitForContainers;
  await wait(client, new Set(names), patienceOf(context, options));
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
  await noteDeadHosts(
    context,
    client,
    found.map(({ host }) => host),
  );
  if (options.wait && !options.dryRun)
    await waitForRemoval(client, new Set(names), patienceOf(context, options));
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
