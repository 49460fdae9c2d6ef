import type { ContainerView } from '../api.ts';
import { noteDeadHosts } from '../containers.ts';
import {
  type Context,
  DEFAULT_TIMEOUT_MS,
  dryRunOption,
  type WriteOptions,
  waitOptions,
} from '../context.ts';
import {
  CONTAINER_FLAGS,
  type ContainerOptions,
  containerInput,
  withContainerOptions,
} from '../input/container-options.ts';
import { inFlags } from '../input/flags.ts';
import { safe } from '../print/safe.ts';
import { STEADY_MS, waitForContainers } from '../wait-objects.ts';

type RunOptions = WriteOptions & ContainerOptions;

export function addRun(context: Context): void {
  const [wait, timeout] = waitOptions();
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
      '\nWith --wait it returns when the container runs, or says how it ended. Files need svcctl apply.',
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
  const { dryRun, wait, timeout } = options;
  const body = containerInput(name, command, options);
  const client = context.client();
  const query = dryRun ? { dryRun: 'true' } : {};
  const answer = await client
    .ask<ContainerView>('POST', '/v1/containers', { query, body })
    .catch((error: unknown) => {
      throw inFlags(error, CONTAINER_FLAGS);
    });
  const isNew = dryRun ? answer.body.revision === 0 : answer.status === 201;
  const dry = dryRun ? ' (dry run)' : '';
  const verb = isNew ? 'created' : 'unchanged';
  context.io.out(`${safe(`container/${answer.body.name} ${verb}${dry}  on ${answer.body.host}`)}\n`);
  await noteDeadHosts(context, client, [answer.body.host]);
  if (!wait || dryRun) return;
  await waitForContainers(client, new Set([answer.body.name]), {
    ...{ timeoutMs: timeout ?? DEFAULT_TIMEOUT_MS, steadyMs: STEADY_MS },
    onNote: (sentence) => context.note(sentence),
  });
}
