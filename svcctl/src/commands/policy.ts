import type { PolicyView } from '../api.ts';
import { type Context, dryRunOption, outputOption, type WriteOptions, waitOptions } from '../context.ts';
import { parseSubject } from '../input/kinds.ts';
import { checkName } from '../input/name.ts';
import { describePolicy } from '../print/describe-policy.ts';
import { type Output, printList, printObject } from '../print/output.ts';
import { removeObject } from '../remove.ts';
import { type ApplyOptions, applyFile } from './apply.ts';
import { addBlocking } from './policy-block.ts';

export function addPolicy(context: Context): void {
  const policy = context.command(
    context.program,
    'policy',
    'Say who may connect to containers, and to whom these may',
    [
      'svcctl policy block 203.0.113.8 --wait',
      'svcctl policy apply -f db-only.yaml --wait',
      'svcctl policy list',
    ],
  );
  const [wait, timeout] = waitOptions();
  context
    .command(policy, 'apply', 'Make or replace the policies of a file, all or none of them', [
      'svcctl policy apply -f db-only.yaml --wait',
      `svcctl policy apply -f - <<'EOF'
  kind: NetworkPolicy
  name: db-only
  subjects: {labels: {app: db}}
  ingress:
    default: deny
    rules:
      - {action: allow, peers: {labels: {app: web}}, ports: [{port: 5432}]}
      - {action: allow, peers: {cidrs: [192.168.122.0/24]}, limit: {connections: 25, per: minute, burst: 100}}
  EOF`,
    ])
    .requiredOption('-f, --filename <file>', 'YAML of one or more documents, or .json; - is stdin')
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .action((options: ApplyOptions) => applyFile(context, options, 'NetworkPolicy'));
  addReading(context, policy);
  addDeletion(context, policy);
  addBlocking(context, policy);
}

function addReading(context: Context, policy: Context['program']): void {
  context
    .command(policy, 'list', 'List all policies', ['svcctl policy list -o wide'])
    .alias('ls')
    .addOption(outputOption())
    .action((options: { output?: Output }) => list(context, options.output));
  context
    .command(policy, 'get', 'Show one policy', ['svcctl policy get db-only -o yaml'])
    .argument('<name>', 'the policy’s name')
    .addOption(outputOption())
    .action(async (which: string, { output }: { output?: Output }) => {
      const object = await context.client().get<PolicyView>(`/v1/policies/${nameOf(which)}`);
      await printObject(context.io, 'policies', object, { output });
    });
  context
    .command(policy, 'describe', 'Show what a policy says, whom it is about and whom it means', [
      'svcctl policy describe db-only',
    ])
    .argument('<name>', 'the policy’s name')
    .action((which: string) => describePolicy(context, context.client(), nameOf(which)));
}

function addDeletion(context: Context, policy: Context['program']): void {
  const [wait, timeout] = waitOptions();
  context
    .command(policy, 'delete', 'Remove a policy: what only it refused is allowed from then on', [
      'svcctl policy delete db-only --wait',
    ])
    .alias('rm')
    .argument('<name>', 'the policy’s name')
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .action(async (which: string, options: WriteOptions) => {
      const client = context.client();
      const revision = await removeObject(context, client, 'policies', nameOf(which), options);
      await context.settle(client, revision, options, 'policies');
    });
}

function nameOf(which: string): string {
  const name = which.includes('/') ? (parseSubject(which, undefined, ['policies']).name ?? '') : which;
  return checkName('name', name);
}

async function list(context: Context, output: Output | undefined): Promise<void> {
  const { items, revision } = await context.client().list<PolicyView>('/v1/policies');
  if (items.length === 0 && (output ?? 'wide') === 'wide') context.note('there are no policies');
  await printList(context.io, 'policies', { items, revision }, { output });
}
