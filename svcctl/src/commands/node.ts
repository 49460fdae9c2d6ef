import { networkFlagOf } from '@causeway/shared/network-flags';
import type { Command } from 'commander';
import type { NodePlanView } from '../api.ts';
import { type Context, dryRunOption, type WriteOptions, waitOptions } from '../context.ts';
import { parseSubject } from '../input/kinds.ts';
import { checkName } from '../input/name.ts';
import { named } from '../input/named.ts';
import { safe } from '../print/safe.ts';

interface ReserveOptions extends WriteOptions {
  readonly subnet?: string;
  readonly subnetIpv6?: string;
  readonly ahead?: boolean;
  readonly renumber?: boolean;
}

interface ReleaseOptions extends WriteOptions {
  readonly lease?: boolean;
}

export function addNode(context: Context): void {
  const node = context.command(
    context.program,
    'node',
    'Reserve subnets for hosts, and take hosts out of use and back',
    ['svcctl node reserve host-1', 'svcctl node drain host-1 --wait'],
  );
  addReserve(context, node);
  addRelease(context, node);
  addDecision(context, node, 'cordon', 'Place no new containers on a host', 'cordoned');
  addDecision(context, node, 'uncordon', 'Use a host again, for containers and services', 'uncordoned');
  addDecision(context, node, 'drain', 'Cordon a host and take its endpoints out of all services', 'drained');
}

function addReserve(context: Context, node: Command): void {
  context
    .command(node, 'reserve', 'Bind subnets to a host for ever; without a subnet those that it leases', [
      'svcctl node reserve host-1',
      'svcctl node reserve host-9 --subnet 10.10.9.0/24 --ahead      # before it joins',
      'svcctl node reserve host-1 --subnet 10.10.7.0/24 --renumber   # in exchange for the one that it uses',
    ])
    .argument('<name>', 'the host’s name')
    .option('--subnet <cidr>', 'the IPv4 subnet')
    .option('--subnet-ipv6 <cidr>', 'the IPv6 subnet')
    .option('--ahead', 'the host has not joined yet')
    .option('--renumber', 'in exchange for the subnet that the host uses; its containers are interrupted')
    .addOption(dryRunOption())
    .action((name: string, options: ReserveOptions) => {
      const { subnet, subnetIpv6, ahead, renumber } = options;
      const body = { subnet, subnetIpv6, ahead, renumber };
      return change(context, name, 'reserve', body, options, reservedText);
    });
}

function addRelease(context: Context, node: Command): void {
  context
    .command(node, 'release', 'Let go of the subnets that are reserved for a host', [
      'svcctl node release host-1',
      'svcctl node release host-1 --lease      # a host that is gone for good',
    ])
    .argument('<name>', 'the host’s name')
    .option('--lease', 'also give back what it leases and forget the host; it must not be alive')
    .addOption(dryRunOption())
    .action((name: string, options: ReleaseOptions) =>
      change(context, name, 'release', { lease: options.lease }, options, () =>
        options.lease ? 'released, with its leases' : 'released',
      ),
    );
}

function addDecision(context: Context, node: Command, verb: string, summary: string, done: string): void {
  const [wait, timeout] = waitOptions();
  const command = context
    .command(node, verb, summary, [`svcctl node ${verb} host-1`])
    .argument('<name>', 'the host’s name')
    .addOption(dryRunOption());
  // Without a change of the services there is nothing that hosts must follow.
  if (verb !== 'cordon') command.addOption(wait).addOption(timeout);
  command.action((name: string, options: WriteOptions) =>
    change(context, name, verb, undefined, options, () => done),
  );
}

async function change(
  context: Context,
  which: string,
  verb: string,
  body: object | undefined,
  options: WriteOptions,
  text: (plan: NodePlanView) => string,
): Promise<void> {
  const name = checkName(
    'name',
    which.includes('/') ? (parseSubject(which, undefined, ['nodes']).name ?? '') : which,
  );
  const client = context.client();
  const query = options.dryRun ? { dryRun: 'true' } : {};
  const ask = { query, ...(body === undefined ? {} : { body }) };
  const asked = client.ask<NodePlanView>('POST', `/v1/nodes/${name}/${verb}`, ask);
  const { body: plan } = await named(asked, networkFlagOf);
  const dry = options.dryRun ? ' (dry run)' : '';
  context.io.out(`${safe(`node/${name} ${plan.changed ? text(plan) : 'unchanged'}`)}${dry}\n`);
  for (const warning of plan.warnings) context.note(warning);
  if (plan.servicesRevision > 0) await context.settle(client, plan.servicesRevision, options);
}

function reservedText({ reservations }: NodePlanView): string {
  return `has ${reservations.join(' and ')} reserved`;
}
