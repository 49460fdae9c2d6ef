import type { ContainerInput } from '@causeway/shared/model/container-input';
import type { ContainerView } from '../api.ts';
import {
  type Context,
  DEFAULT_TIMEOUT_MS,
  dryRunOption,
  type WriteOptions,
  waitOptions,
} from '../context.ts';
import { inFlags } from '../input/flags.ts';
import { type Labels, labelOption } from '../input/labels.ts';
import { safe } from '../print/safe.ts';
import { waitForContainers } from '../wait-objects.ts';

interface RunOptions extends WriteOptions {
  readonly host: string;
  readonly label?: Labels;
}

export function addRun(context: Context): void {
  const [wait, timeout] = waitOptions();
  context
    .command(context.program, 'run', 'Start a container on a host', [
      'svcctl run web-1 --host host-1 --label app=web --wait -- httpd -f -p 12345 -h /www',
    ])
    .argument('<name>', 'unique in the cluster, among workloads, too')
    .argument('<command...>', 'program and arguments, behind --; the image is the host’s static busybox')
    .requiredOption('--host <name>', 'the host that runs it')
    .option(...labelOption())
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', '\nWith --wait it returns when the container runs. Files need svcctl apply.')
    .action((name: string, command: readonly string[], options: RunOptions) =>
      start(context, name, command, options),
    );
}

async function start(
  context: Context,
  name: string,
  command: readonly string[],
  { host, label, dryRun, wait, timeout }: RunOptions,
): Promise<void> {
  const body: ContainerInput = {
    ...{ name, host, command: [...command] },
    ...(label === undefined ? {} : { labels: { ...label } }),
  };
  const client = context.client();
  const query = dryRun ? { dryRun: 'true' } : {};
  const answer = await client
    .ask<ContainerView>('POST', '/v1/containers', { query, body })
    .catch((error: unknown) => {
      throw inFlags(error, [[/^labels(\..*)?$/s, 'label']]);
    });
  const isNew = dryRun ? answer.body.revision === 0 : answer.status === 201;
  const dry = dryRun ? ' (dry run)' : '';
  const verb = isNew ? 'created' : 'unchanged';
  context.io.out(`${safe(`container/${answer.body.name} ${verb}${dry}  on ${answer.body.host}`)}\n`);
  if (!wait || dryRun) return;
  await waitForContainers(client, new Set([answer.body.name]), {
    timeoutMs: timeout ?? DEFAULT_TIMEOUT_MS,
    onNote: (sentence) => context.note(sentence),
  });
}
