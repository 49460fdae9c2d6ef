import { invalid } from '@causeway/shared/errors';
import type { Command } from 'commander';
import type { EndpointView, ListOf, ServiceView } from '../api.ts';
import type { Client } from '../client/client.ts';
import { type Context, dryRunOption, outputOption, type WriteOptions, waitOptions } from '../context.ts';
import { parseSubject } from '../input/kinds.ts';
import { checkName } from '../input/name.ts';
import { type Output, printList } from '../print/output.ts';
import { safe } from '../print/safe.ts';
import { notesOf } from '../print/service.ts';

export function addEndpoint(context: Context): void {
  const endpoint = context.command(context.program, 'endpoint', 'Add, remove or list what serves a service', [
    'svcctl endpoint add web 10.10.1.2:12345',
  ]);
  changing(
    context.command(endpoint, 'add', 'Add endpoints to a service', [
      'svcctl endpoint add web 10.10.1.2:12345 web-2:12345 --wait',
    ]),
  ).action((service: string, targets: readonly string[], options: WriteOptions) =>
    change(context, service, targets, options, add),
  );
  changing(
    context
      .command(endpoint, 'rm', 'Remove endpoints from a service', ['svcctl endpoint rm web 10.10.1.2:12345'])
      .alias('remove'),
  ).action((service: string, targets: readonly string[], options: WriteOptions) =>
    change(context, service, targets, options, remove),
  );
  context
    .command(endpoint, 'list', 'List the endpoints of a service', ['svcctl endpoint list web -o wide'])
    .alias('ls')
    .argument('<service>', 'the service’s name')
    .addOption(outputOption())
    .action((service: string, options: { output?: Output }) => list(context, service, options));
}

function changing(command: Command): Command {
  const [wait, timeout] = waitOptions();
  return command
    .argument('<service>', 'the service’s name')
    .argument('<target...>', 'ADDRESS:PORT or CONTAINER[:PORT]')
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption());
}

type OneChange = (client: Client, path: string, target: string, dryRun: boolean) => Promise<Changed>;

interface Changed {
  readonly verb: string;
  readonly revision: number;
  readonly notes: readonly string[];
}

async function change(
  context: Context,
  service: string,
  targets: readonly string[],
  options: WriteOptions,
  one: OneChange,
): Promise<void> {
  const path = pathOf(service);
  if (targets.includes('')) throw invalid('target', '', 'is empty');
  const client = context.client();
  let newest = 0;
  for (const target of targets) {
    const { verb, revision, notes } = await one(client, path, target, options.dryRun === true);
    const dry = options.dryRun ? ' (dry run)' : '';
    context.io.out(`${safe(`endpoint/${nameIn(service)}/${target}`)} ${verb}${dry}\n`);
    for (const sentence of notes) context.note(sentence);
    newest = Math.max(newest, revision);
  }
  await context.settle(client, newest, options);
}

const add: OneChange = async (client, path, target, dryRun) => {
  const query = dryRun ? { dryRun: 'true' } : {};
  const before = await client.get<ServiceView>(path.replace(/\/endpoints$/, ''));
  const { body, revision } = await client.ask<ServiceView>('POST', path, { query, body: { to: target } });
  const verb = body.endpoints.length === before.endpoints.length ? 'unchanged' : 'added';
  return { verb, revision, notes: notesOf(body) };
};

const remove: OneChange = async (client, path, target, dryRun) => {
  const query = dryRun ? { dryRun: 'true' } : {};
  const answer = await client.ask('DELETE', `${path}/${encodeURIComponent(target)}`, { query });
  return { verb: 'removed', revision: answer.revision, notes: [] };
};

async function list(context: Context, service: string, options: { output?: Output }): Promise<void> {
  const { items, revision }: ListOf<EndpointView> = await context.client().list(pathOf(service));
  const named = items.map((endpoint) => ({ service: nameIn(service), ...endpoint }));
  if (items.length === 0 && options.output === undefined)
    context.note(`service "${nameIn(service)}" has no endpoints: connections are refused`);
  await printList(context.io, 'endpoints', { items: named, revision }, { output: options.output });
}

function pathOf(service: string): string {
  return `/v1/services/${checkName('service', nameIn(service))}/endpoints`;
}

/** `web`, or `service/web` as other commands print it. */
function nameIn(service: string): string {
  return service.includes('/') ? (parseSubject(service, undefined, ['services']).name ?? '') : service;
}
