import { CausewayError, show } from '@causeway/shared/errors';
import type { Client } from '../client/client.ts';
import { follow } from '../client/follow.ts';
import { type Context, outputOption } from '../context.ts';
import { KINDS, type Kind, parseSubject, type Subject, singular } from '../input/kinds.ts';
import { checkName } from '../input/name.ts';
import { changePrinter } from '../print/changes.ts';
import { NAMES, type ObjectsByKind } from '../print/columns.ts';
import { type Output, printList, printObject } from '../print/output.ts';

interface GetOptions {
  readonly output?: Output;
  readonly watch?: boolean;
  /** Commander's name for `--no-headers`. */
  readonly headers: boolean;
}

export function addGet(context: Context): void {
  context
    .command(
      context.program,
      'get',
      'Show nodes, subnets, services, endpoints, containers, workloads, policies, reservations or events',
      [
        'svcctl get services',
        'svcctl get nodes -o wide',
        'svcctl get endpoints web -w            # and every change, until Ctrl-C',
      ],
    )
    .argument('<type>', `${KINDS.join(', ')} (or no, sn, svc, ep, ct, wl, np, rs, ev)`)
    .argument('[name]', 'only this one; for endpoints, those of this service')
    .addOption(outputOption())
    .option('-w, --watch', 'go on with every change; in json and yaml as {event, object}')
    .option('--no-headers', 'leave out the first line of a table')
    .action((type: string, name: string | undefined, options: GetOptions) =>
      get(context, parseSubject(type, name), options),
    );
}

async function get(context: Context, subject: Subject, options: GetOptions): Promise<void> {
  const client = context.client();
  const printed = { output: options.output, headers: options.headers };
  if (options.watch) return watch(context, client, subject, options);
  const { kind, name } = subject;
  if (name !== undefined && kind !== 'endpoints')
    return printObject(context.io, kind, await getOne(client, kind, name), printed);
  const path = name === undefined ? `/v1/${kind}` : `/v1/services/${checkName('name', name)}/endpoints`;
  const list = await client.list<ObjectsByKind[typeof kind]>(path);
  const items = name === undefined ? list.items : list.items.map((item) => ({ service: name, ...item }));
  if (items.length === 0 && (options.output ?? 'wide') === 'wide')
    context.note(name === undefined ? `there are no ${kind}` : `service "${name}" has no endpoints`);
  await printList(context.io, kind, { items, revision: list.revision }, printed);
}

/** Kinds whose objects have no address of their own. */
const LISTED_ONLY: readonly Kind[] = ['subnets', 'reservations', 'events'];

async function getOne<K extends Kind>(client: Client, kind: K, name: string): Promise<ObjectsByKind[K]> {
  if (!LISTED_ONLY.includes(kind))
    return client.get<ObjectsByKind[K]>(`/v1/${kind}/${checkName('name', name)}`);
  const { items } = await client.list<ObjectsByKind[K]>(`/v1/${kind}`);
  const found = items.find((item) => NAMES[kind](item) === name);
  if (found === undefined)
    throw new CausewayError('not-found', `${singular(kind)} ${show(name)} does not exist`);
  return found;
}

/** Runs until the process is told to end. */
async function watch(context: Context, client: Client, subject: Subject, options: GetOptions): Promise<void> {
  const { kind, name } = subject;
  if (name !== undefined) await existing(client, kind, name);
  const printer = await changePrinter(context.io, kind, options);
  const forever = new AbortController();
  await follow<ObjectsByKind[typeof kind]>(client, {
    path: `/v1/${kind}`,
    keyOf: NAMES[kind] as (object: ObjectsByKind[typeof kind]) => string,
    onChange: (change) => {
      const { object } = change;
      const called = kind === 'endpoints' && 'service' in object ? object.service : nameIn(kind, object);
      if (name === undefined || called === name) printer.change(change);
    },
    onSynced: printer.synced,
    onRetry: (reason) => context.note(`${reason}; trying again`),
    signal: forever.signal,
  });
}

/** @throws CausewayError `not-found` before anything is watched */
async function existing(client: Client, kind: Kind, name: string): Promise<void> {
  if (kind === 'endpoints') await client.list(`/v1/services/${checkName('name', name)}/endpoints`);
  else await getOne(client, kind, name);
}

function nameIn<K extends Kind>(kind: K, object: ObjectsByKind[K]): string {
  return NAMES[kind](object);
}
