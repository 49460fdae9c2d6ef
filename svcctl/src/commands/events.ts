import type { EventView } from '../api.ts';
import { follow } from '../client/follow.ts';
import { type Context, outputOption } from '../context.ts';
import { checkName } from '../input/name.ts';
import { changePrinter } from '../print/changes.ts';
import { NAMES } from '../print/columns.ts';
import { type Output, printList } from '../print/output.ts';

interface EventOptions {
  readonly host?: string;
  readonly output?: Output;
  readonly follow?: boolean;
}

export function addEvents(context: Context): void {
  context
    .command(context.program, 'events', 'Show what happened to hosts, oldest first', [
      'svcctl events --host host-1',
      'svcctl events --follow                # and what comes, until Ctrl-C',
    ])
    .option('--host <name>', 'only those of this host')
    .addOption(outputOption())
    .option('-f, --follow', 'go on with every event; in json and yaml as {event, object}')
    .action((options: EventOptions) => events(context, options));
}

async function events(context: Context, { host, output, follow: on }: EventOptions): Promise<void> {
  const client = context.client();
  const name = host === undefined ? undefined : checkName('host', host);
  // A name that nobody has would otherwise be waited on for ever.
  if (name !== undefined) await client.get(`/v1/nodes/${name}`);
  const path = name === undefined ? '/v1/events' : `/v1/events?host=${name}`;
  if (!on) {
    const { items, revision } = await client.list<EventView>(path);
    if (items.length === 0 && (output ?? 'wide') === 'wide') context.note('there are no events');
    return printList(context.io, 'events', { items, revision }, { output });
  }
  const printer = await changePrinter(context.io, 'events', {
    ...(output === undefined ? {} : { output }),
    headers: true,
  });
  await follow<EventView>(client, {
    path,
    keyOf: NAMES.events,
    onChange: (change) => {
      // A host's list has room for its last ones only: one that left it was told long ago.
      if (change.type !== 'deleted') printer.change(change);
    },
    onSynced: printer.synced,
    onRetry: (reason) => context.note(`${reason}; trying again`),
    signal: new AbortController().signal,
  });
}
