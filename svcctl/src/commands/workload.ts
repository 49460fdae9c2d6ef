import type { WorkloadView } from '../api.ts';
import { type Context, dryRunOption, outputOption, type WriteOptions } from '../context.ts';
import { inFlags } from '../input/flags.ts';
import { parseSubject } from '../input/kinds.ts';
import { type Labels, labelOption } from '../input/labels.ts';
import { checkName } from '../input/name.ts';
import { type Output, printList } from '../print/output.ts';
import { safe } from '../print/safe.ts';
import { removeObject } from '../remove.ts';

interface AddOptions extends WriteOptions {
  readonly label?: Labels;
}

export function addWorkload(context: Context): void {
  const workload = context.command(
    context.program,
    'workload',
    'Register what serves and no agent runs, so that services can name and select it',
    ['svcctl workload add db-1 203.0.113.8 --label app=db'],
  );
  context
    .command(workload, 'add', 'Register a process, a machine or somebody else’s container', [
      'svcctl workload add db-1 203.0.113.8 --label app=db',
      'svcctl workload add db-2 203.0.113.9 fd00:113::9 --label app=db,zone=b',
    ])
    .argument('<name>', 'unique in the cluster, among containers, too')
    .argument('<address...>', 'where it answers: one address of each family at most')
    .option(...labelOption())
    .addOption(dryRunOption())
    .addHelpText('after', '\nOne that is there is changed with svcctl apply.')
    .action((name: string, addresses: readonly string[], options: AddOptions) =>
      add(context, name, addresses, options),
    );
  context
    .command(workload, 'rm', 'Forget a workload; services that name it keep the name', [
      'svcctl workload rm db-1',
    ])
    .alias('remove')
    .argument('<name>', 'the workload’s name')
    .addOption(dryRunOption())
    .action((name: string, options: WriteOptions) => remove(context, name, options));
  context
    .command(workload, 'list', 'List all workloads', ['svcctl workload list -o wide'])
    .alias('ls')
    .addOption(outputOption())
    .action((options: { output?: Output }) => list(context, options.output));
}

async function add(
  context: Context,
  name: string,
  addresses: readonly string[],
  { label, dryRun }: AddOptions,
): Promise<void> {
  const query = dryRun ? { dryRun: 'true' } : {};
  const body = { name, addresses, ...(label === undefined ? {} : { labels: label }) };
  const answer = await context
    .client()
    .ask<WorkloadView>('POST', '/v1/workloads', { query, body })
    .catch((error: unknown) => {
      throw inFlags(error, [
        [/^addresses(\[\d+\])?$/, 'address'],
        [/^labels(\..*)?$/s, 'label'],
      ]);
    });
  // A dry run of something new answers revision 0.
  const isNew = dryRun ? answer.body.revision === 0 : answer.status === 201;
  const dry = dryRun ? ' (dry run)' : '';
  const where = answer.body.addresses.join(', ');
  context.io.out(
    `${safe(`workload/${answer.body.name} ${isNew ? 'created' : 'unchanged'}${dry}  ${where}`)}\n`,
  );
}

async function remove(context: Context, which: string, options: WriteOptions): Promise<void> {
  const name = which.includes('/') ? (parseSubject(which, undefined, ['workloads']).name ?? '') : which;
  await removeObject(context, context.client(), 'workloads', checkName('name', name), options);
}

async function list(context: Context, output: Output | undefined): Promise<void> {
  const { items, revision } = await context.client().list<WorkloadView>('/v1/workloads');
  if (items.length === 0 && (output ?? 'wide') === 'wide') context.note('there are no workloads');
  await printList(context.io, 'workloads', { items, revision }, { output });
}
