import { isDeepStrictEqual } from 'node:util';
import { CausewayError } from '@causeway/shared/errors';
import { Option } from 'commander';
import type { PolicyView } from '../api.ts';
import type { Answer, Client } from '../client/client.ts';
import { type Context, dryRunOption, type WriteOptions, waitOptions } from '../context.ts';
import {
  type Blocking,
  blocked,
  type Definition,
  DIRECTIONS,
  type Direction,
  parsePorts,
  policyName,
  type Subjects,
  subjectsOf,
  unblocked,
} from '../input/blocking.ts';
import { inFlags } from '../input/flags.ts';
import { type Labels, parseLabels } from '../input/labels.ts';
import { checkName } from '../input/name.ts';
import { subjectsText } from '../print/policy.ts';
import { safe } from '../print/safe.ts';

interface BlockOptions extends WriteOptions {
  readonly from?: readonly string[];
  readonly label?: Labels;
  readonly to?: string;
  readonly direction?: Direction;
}

/** How often a change is tried again that somebody else's came before. */
const MOST_TRIES = 10;

export function addBlocking(context: Context, policy: Context['program']): void {
  const add = (verb: 'block' | 'unblock', summary: string, examples: readonly string[]) => {
    const [wait, timeout] = waitOptions();
    context
      .command(policy, verb, summary, examples)
      .argument('<address>', 'an address or a CIDR')
      .option('--from <names>', 'for these containers only; repeatable, or several with commas', names)
      .option(
        '--label <key=value>',
        'for containers with all of these labels only',
        (text, before?: Labels) => parseLabels('label', text, before),
      )
      .option('--to <port>', 'connections to this port only: 80, 8000-8080, 53/udp')
      .addOption(
        new Option(
          '--direction <direction>',
          'connections to the containers or from them only; default: both',
        ).choices(DIRECTIONS),
      )
      .addOption(wait)
      .addOption(timeout)
      .addOption(dryRunOption())
      .action((address: string, options: BlockOptions) => change(context, verb, address, options));
  };
  add('block', 'Refuse connections from an address and to it; those that stand end, too', [
    'svcctl policy block 203.0.113.8 --wait',
    'svcctl policy block 203.0.113.0/24 --from db-1 --direction ingress',
    'svcctl policy block fd00:113::8 --label app=web --to 443',
  ]);
  add('unblock', 'Take back what block did', [
    'svcctl policy unblock 203.0.113.8 --wait',
    'svcctl policy unblock 203.0.113.0/24 --from db-1',
  ]);
}

function names(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').map((name) => checkName('from', name.trim()))];
}

async function change(
  context: Context,
  verb: 'block' | 'unblock',
  address: string,
  options: BlockOptions,
): Promise<void> {
  const subjects = subjectsOf(options.from, options.label);
  const name = await policyName(subjects);
  const ports = options.to === undefined ? {} : { ports: parsePorts(options.to) };
  const directions = options.direction === undefined ? DIRECTIONS : [options.direction];
  const client = context.client();
  const cidr = await canonical(client, name, subjects, address);
  const blocking: Blocking = { cidr, directions, ...ports };
  const { revision, done, warnings } = await edit(client, { name, subjects }, options, (policy) =>
    verb === 'block' ? blocked(policy, blocking) : unblocked(policy, blocking),
  );
  const state = verb === 'block' ? 'blocked' : done === 'unchanged' ? 'not blocked' : 'unblocked';
  const dry = options.dryRun ? ' (dry run)' : '';
  context.io.out(`${safe(`policy/${name} ${done}${dry}  ${cidr} is ${state} for ${textOf(subjects)}`)}\n`);
  for (const warning of warnings) context.note(`policy/${name}: ${warning}`);
  // What somebody has written before may not be everywhere yet.
  if (revision > 0) await context.settle(client, revision, options, 'policies');
}

/** The controller knows what an address is, and how it is written. */
async function canonical(client: Client, name: string, subjects: Subjects, address: string): Promise<string> {
  const rules = [{ action: 'deny', peers: { cidrs: [address] } }];
  const { body } = await client
    .ask<PolicyView>('PUT', `/v1/policies/${name}`, {
      query: { dryRun: 'true' },
      body: { subjects, ingress: { rules } },
    })
    .catch((error: unknown) => {
      throw inFlags(error, [
        [/^ingress\.rules\[0\]\.peers\.cidrs\[0\]$/, 'address'],
        [/^subjects\.labels(\..*)?$/s, 'label'],
        [/^subjects\.containers(\[\d+\])?$/, 'from'],
      ]);
    });
  return body.ingress?.rules[0]?.peers?.cidrs?.[0] ?? address;
}

/** What became of a policy. */
interface Edited {
  /** Of the write, or of the policy where nothing was to be done; 0 without a policy. */
  readonly revision: number;
  readonly done: 'created' | 'configured' | 'deleted' | 'unchanged';
  /** What the controller says of it: that nobody has a name of its, as of one that was mistyped. */
  readonly warnings: readonly string[];
}

/**
 * Changes a policy to what it is by `next`, whoever else changes it at the same time.
 *
 * @param next the same object: nothing is to be done; undefined: it is to be removed
 */
async function edit(
  client: Client,
  empty: Definition,
  { dryRun }: WriteOptions,
  next: (policy: Definition) => Definition | undefined,
): Promise<Edited> {
  const path = `/v1/policies/${empty.name}`;
  const query: Readonly<Record<string, string>> = dryRun ? { dryRun: 'true' } : {};
  for (let tries = 1; ; tries++) {
    const found = await client.ask<PolicyView>('GET', path, { accept: [404] });
    const isNew = found.status === 404;
    const { revision, status, ...old } = found.body;
    if (!isNew) checkSubjects(empty, old.subjects);
    const before: Definition = isNew ? empty : old;
    const after = next(before);
    if (after === before)
      return { revision: isNew ? 0 : revision, done: 'unchanged', warnings: status?.warnings ?? [] };
    const done = isNew ? 'created' : after === undefined ? 'deleted' : 'configured';
    try {
      const { body, revision: newest } = await put(client, path, query, { isNew, revision, after });
      return { revision: newest, done, warnings: body.status?.warnings ?? [] };
    } catch (error) {
      const isLost = error instanceof CausewayError && ['conflict', 'not-found'].includes(error.code);
      if (!isLost || tries === MOST_TRIES) throw error;
    }
  }
}

/** @param after undefined: the policy goes */
function put(
  client: Client,
  path: string,
  query: Readonly<Record<string, string>>,
  { isNew, revision, after }: { isNew: boolean; revision: number; after: Definition | undefined },
): Promise<Answer<Partial<PolicyView>>> {
  if (isNew) return client.ask('POST', '/v1/policies', { query, body: after });
  const guarded = { query, ifMatch: revision };
  if (after === undefined) return client.ask('DELETE', path, guarded);
  return client.ask('PUT', path, { ...guarded, body: after });
}

/** @throws CausewayError `conflict` when somebody has made the policy one of other containers */
function checkSubjects({ name, subjects }: Definition, found: Subjects): void {
  if (isDeepStrictEqual(found, subjects)) return;
  throw new CausewayError(
    'conflict',
    `policy "${name}" is about ${textOf(found)}, and no more about ${textOf(subjects)}: give what it says another name, and delete it`,
    { field: 'name', value: name },
  );
}

function textOf(subjects: Subjects): string {
  const text = subjectsText(subjects);
  return text === 'all' ? 'all containers' : text;
}
