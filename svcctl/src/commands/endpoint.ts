import { isDeepStrictEqual } from 'node:util';
import { invalid } from '@causeway/shared/errors';
import type { Command } from 'commander';
import type { EndpointView, ListOf, ServiceView } from '../api.ts';
import type { Client } from '../client/client.ts';
import { type Context, dryRunOption, outputOption, type WriteOptions, waitOptions } from '../context.ts';
import { parseDuration } from '../input/duration.ts';
import { parseSubject } from '../input/kinds.ts';
import { checkName } from '../input/name.ts';
import { parseTarget, parseWeight, type TargetInput } from '../input/target.ts';
import { type Output, printList } from '../print/output.ts';
import { safe } from '../print/safe.ts';
import { notesOf } from '../print/service.ts';

interface DrainOptions extends WriteOptions {
  /** Whole seconds. */
  readonly deadline?: number;
  readonly undo?: boolean;
}

const WHERE = 'ADDRESS:PORT or NAME[:PORT]';

export function addEndpoint(context: Context): void {
  const endpoint = context.command(
    context.program,
    'endpoint',
    'Add, remove, weigh, drain or list what serves a service',
    ['svcctl endpoint add web 10.10.1.2:12345', 'svcctl endpoint drain web web-1 --deadline 30s --wait'],
  );
  addAddAndRemove(context, endpoint);
  addWeight(context, endpoint);
  addDrain(context, endpoint);
  context
    .command(endpoint, 'list', 'List the endpoints of a service', ['svcctl endpoint list web -o wide'])
    .alias('ls')
    .argument('<service>', 'the service’s name')
    .addOption(outputOption())
    .action((service: string, options: { output?: Output }) => list(context, service, options));
}

function addAddAndRemove(context: Context, endpoint: Command): void {
  const add = context
    .command(endpoint, 'add', 'Add endpoints to a service', [
      'svcctl endpoint add web 10.10.1.2:12345 web-2:12345 --wait',
      'svcctl endpoint add web web-3,weight=3',
    ])
    .argument('<service>', 'the service’s name')
    .argument('<target...>', `${WHERE}, with ,weight=0–100 or without`);
  changing(add).action((service: string, targets: readonly string[], options: WriteOptions) =>
    change(context, service, weighed(targets), options, addOne),
  );
  const rm = context
    .command(endpoint, 'rm', 'Remove endpoints from a service', ['svcctl endpoint rm web 10.10.1.2:12345'])
    .alias('remove')
    .argument('<service>', 'the service’s name')
    .argument('<target...>', WHERE);
  changing(rm).action((service: string, targets: readonly string[], options: WriteOptions) =>
    change(context, service, plain(targets), options, removeOne),
  );
}

function addWeight(context: Context, endpoint: Command): void {
  const command = context
    .command(endpoint, 'weight', 'Change an endpoint’s share of new connections', [
      'svcctl endpoint weight web web-1 3      # thrice that of an endpoint with the weight 1',
      'svcctl endpoint weight web 10.10.1.2:12345 0',
    ])
    .argument('<service>', 'the service’s name')
    .argument('<target>', WHERE)
    .argument('<weight>', 'beside the others’, 0 to 100; 0: none', parseWeight);
  changing(command).action((service: string, target: string, weight: number, options: WriteOptions) =>
    change(context, service, plain([target]), options, patching({ weight }, `weighs ${weight}`)),
  );
}

function addDrain(context: Context, endpoint: Command): void {
  const command = context
    .command(endpoint, 'drain', 'Send endpoints no new connections; those that stand go on', [
      'svcctl endpoint drain web web-1 --wait',
      'svcctl endpoint drain web web-1 --deadline 30s      # then its connections are cut',
      'svcctl endpoint drain web web-1 --undo',
    ])
    .argument('<service>', 'the service’s name')
    .argument('<target...>', WHERE)
    .option(
      '--deadline <time>',
      'from now on until its connections are cut: 30s, 5m, 0 (default: never)',
      seconds,
    )
    .option('--undo', 'use them again');
  changing(command).action((service: string, targets: readonly string[], options: DrainOptions) => {
    const { deadline, undo } = options;
    if (undo && deadline !== undefined)
      throw invalid('deadline', `${deadline}s`, 'and --undo exclude each other');
    const [drain, done] = undo
      ? [false, 'used again']
      : deadline === undefined
        ? [true, 'draining']
        : [{ deadlineSeconds: deadline }, deadline === 0 ? 'drained' : `draining, cut in ${deadline} s`];
    return change(context, service, plain(targets), options, patching({ drain }, done));
  });
}

function changing(command: Command): Command {
  const [wait, timeout] = waitOptions();
  return command.addOption(wait).addOption(timeout).addOption(dryRunOption());
}

function seconds(text: string): number {
  if (/^0+s?$/.test(text)) return 0;
  const value = parseDuration('deadline', text) / 1_000;
  if (!Number.isInteger(value)) throw invalid('deadline', text, 'is not a whole number of seconds');
  return value;
}

/** As a definition has them; all are looked at before the first is changed. */
function weighed(texts: readonly string[]): readonly TargetInput[] {
  return texts.map((text) => parseTarget('target', text));
}

/** As they are named once they are there. */
function plain(texts: readonly string[]): readonly TargetInput[] {
  if (texts.includes('')) throw invalid('target', '', 'is empty');
  return texts.map((to) => ({ to }));
}

type OneChange = (client: Client, path: string, target: TargetInput, dryRun: boolean) => Promise<Changed>;

interface Changed {
  readonly verb: string;
  readonly revision: number;
  readonly notes: readonly string[];
}

async function change(
  context: Context,
  service: string,
  targets: readonly TargetInput[],
  options: WriteOptions,
  one: OneChange,
): Promise<void> {
  const path = pathOf(service);
  const client = context.client();
  let newest = 0;
  for (const target of targets) {
    const { verb, revision, notes } = await one(client, path, target, options.dryRun === true);
    const dry = options.dryRun ? ' (dry run)' : '';
    context.io.out(`${safe(`endpoint/${nameIn(service)}/${target.to}`)} ${verb}${dry}\n`);
    for (const sentence of notes) context.note(sentence);
    newest = Math.max(newest, revision);
  }
  await context.settle(client, newest, options);
}

const addOne: OneChange = async (client, path, body, dryRun) => {
  const before = await specOf(client, path);
  const answer = await client.ask<ServiceView>('POST', path, { query: queryOf(dryRun), body });
  const after = answer.body;
  const isMore = after.endpoints.length > before.endpoints.length;
  const verb = isMore ? 'added' : changedVerb(before, after, `weighs ${body.weight}`);
  return { verb, revision: answer.revision, notes: notesOf(after) };
};

const removeOne: OneChange = async (client, path, target, dryRun) => {
  const answer = await client.ask('DELETE', onePath(path, target), { query: queryOf(dryRun) });
  return { verb: 'removed', revision: answer.revision, notes: [] };
};

/** @param done what is said when it changed something */
function patching(patch: object, done: string): OneChange {
  return async (client, path, target, dryRun) => {
    const before = await specOf(client, path);
    const ask = { query: queryOf(dryRun), body: patch };
    const { body, revision } = await client.ask<ServiceView>('PATCH', onePath(path, target), ask);
    return { verb: changedVerb(before, body, done), revision, notes: notesOf(body) };
  };
}

function changedVerb(before: ServiceView, after: ServiceView, done: string): string {
  return isDeepStrictEqual(before.endpoints, after.endpoints) ? 'unchanged' : done;
}

function specOf(client: Client, path: string): Promise<ServiceView> {
  return client.get<ServiceView>(path.replace(/\/endpoints$/, ''));
}

function onePath(path: string, { to }: TargetInput): string {
  return `${path}/${encodeURIComponent(to)}`;
}

function queryOf(dryRun: boolean): Readonly<Record<string, string>> {
  return dryRun ? { dryRun: 'true' } : {};
}

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
