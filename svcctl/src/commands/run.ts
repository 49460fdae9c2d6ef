import { createContainer, noteDeadHosts, patienceOf } from '../containers.ts';
import { type Context, dryRunOption, type WriteOptions, waitOptions } from '../context.ts';
import { type ContainerOptions, containerInput, withContainerOptions } from '../input/container-options.ts';
import { safe } from '../print/safe.ts';
import { STEADY_MS, waitForContainers } from '../wait-containers.ts';

type RunOptions = WriteOptions & ContainerOptions;

export function addRun(context: Context): void {
  const [wait, timeout] = waitOptions('the container runs');
  const command = context
    .command(context.program, 'run', 'Run a container on a host', [
      'svcctl run web-1 --host host-1 --label app=web --wait -- httpd -f -p 12345 -h /www',
      'svcctl run web-2 --host host-2 --image web:2 --publish 8080:80 --memory 64M --cpus 0.5',
      'svcctl run probe --host host-1 --network container:web-1 --restart no -- wget -qO- 127.0.0.1:12345',
    ])
    .argument('<name>', 'unique in the cluster, among workloads, too')
    .argument('[command...]', 'program and arguments, behind -- (default: the image’s own)');
  withContainerOptions(command)
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText(
      'after',
      '\nWith --wait it says how a container ended that does not run. Files need svcctl apply.',
    )
    .action((name: string, words: readonly string[], options: RunOptions) =>
      start(context, name, words, options),
    );
}

async function start(
  context: Context,
  name: string,
  command: readonly string[],
  options: RunOptions,
): Promise<void> {
  const { dryRun, wait } = options;
  const body = containerInput(name, command, options);
  const client = context.client();
  const { container, isNew } = await createContainer(client, body, options);
  const dry = dryRun ? ' (dry run)' : '';
  const verb = isNew ? 'created' : 'unchanged';
  context.io.out(`${safe(`container/${container.name} ${verb}${dry}  on ${container.host}`)}\n`);
  await noteDeadHosts(context, client, [container.host]);
  if (!wait || dryRun) return;
  const patience = patienceOf(context, options);
  await waitForContainers(client, new Set([container.name]), { ...patience, steadyMs: STEADY_MS });
}
