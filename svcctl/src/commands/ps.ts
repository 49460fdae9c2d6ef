import type { ContainerView } from '../api.ts';
import { follow } from '../client/follow.ts';
import { type Context, outputOption } from '../context.ts';
import { changePrinter } from '../print/changes.ts';
import { psColumns } from '../print/container.ts';
import { type Output, printList } from '../print/output.ts';

interface PsOptions {
  readonly all?: true;
  readonly output?: Output;
  readonly watch?: true;
  /** Commander's name for `--no-headers`. */
  readonly headers: boolean;
}

/** States that are left out without `--all`: nothing of them runs, and nothing is going to. */
const OVER: readonly (string | undefined)[] = ['exited', 'stopped'];

export function addPs(context: Context): void {
  context
    .command(
      context.program,
      'ps',
      'List containers: where each is, what became of it, and how it is reached',
      [
        'svcctl ps',
        'svcctl ps -a -o wide',
        'svcctl ps -w                           # and every change, until Ctrl-C',
      ],
    )
    .option('-a, --all', 'also those that were stopped or have ended')
    .addOption(outputOption())
    .option('-w, --watch', 'go on with every change; in json and yaml as {event, object}')
    .option('--no-headers', 'leave out the first line of a table')
    .action((options: PsOptions) => (options.watch ? watch(context, options) : list(context, options)));
}

async function list(context: Context, { all, output, headers }: PsOptions): Promise<void> {
  const { items, revision } = await context.client().list<ContainerView>('/v1/containers');
  const shown = all ? items : items.filter(({ status }) => !OVER.includes(status?.state));
  const isTable = (output ?? 'wide') === 'wide';
  if (shown.length === 0 && isTable)
    context.note(
      items.length === 0
        ? 'there are no containers'
        : `no container runs; "svcctl ps -a" shows all ${items.length}`,
    );
  const columns = psColumns(Date.now());
  await printList(context.io, 'containers', { items: shown, revision }, { output, headers, columns });
}

/** Runs until the process is told to end. What has ended is told of when it does so. */
async function watch(context: Context, options: PsOptions): Promise<void> {
  const columns = psColumns(Date.now()).filter(({ header }) => header !== 'AGE');
  const printer = await changePrinter(context.io, 'containers', { ...options, columns });
  const known = new Set<string>();
  await follow<ContainerView>(context.client(), {
    path: '/v1/containers',
    keyOf: ({ name }) => name,
    onChange: (change) => {
      const { name, status } = change.object;
      if (!options.all && OVER.includes(status?.state) && !known.has(name)) return;
      known.add(name);
      printer.change(change);
    },
    onSynced: printer.synced,
    onRetry: (reason) => context.note(`${reason}; trying again`),
    signal: new AbortController().signal,
  });
}
