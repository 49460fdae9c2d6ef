import { CausewayError } from '@causeway/shared/errors';
import { Option } from 'commander';
import type { IpamView } from '../api.ts';
import type { Context } from '../context.ts';
import { printData } from '../print/output.ts';
import { safe } from '../print/safe.ts';

/** The controller asks hosts, of which one that hangs takes a while, and looks again at what it finds, milliseconds. */
const HOSTS_MS = 60_000;

export function addIpam(context: Context): void {
  const ipam = context.command(
    context.program,
    'ipam',
    'Check what was given away: VIPs, NodePorts, subnets, containers’ addresses and published ports',
    ['svcctl ipam check'],
  );
  context
    .command(ipam, 'check', 'Is everything given away once, and had by somebody? 0: yes, 1: no', [
      'svcctl ipam check',
      'svcctl ipam check -o json',
    ])
    .addOption(new Option('-o, --output <format>', 'print in another format').choices(['json', 'yaml']))
    .addHelpText('after', '\nIt reads etcd anew, asks hosts what their kernels have, and changes nothing.')
    .action((options: { output?: 'json' | 'yaml' }) => check(context, options.output));
}

async function check(context: Context, output: 'json' | 'yaml' | undefined): Promise<void> {
  const { body: found } = await context
    .client()
    .ask<IpamView>('GET', '/v1/ipam/check', { silenceMs: HOSTS_MS });
  if (output !== undefined) await printData(context.io, { kind: 'IpamCheck', ...found }, output);
  else context.io.out(textOf(found));
  for (const sentence of found.unasked ?? []) context.note(sentence);
  if (found.ok) return;
  const count = found.findings.length;
  throw new CausewayError('internal', `the check has ${count} finding${count === 1 ? '' : 's'}`);
}

/** What was looked at, and a line for each finding. */
function textOf({ checked, findings }: IpamView): string {
  const { services, vips, nodePorts, subnets, reservations } = checked;
  const { containers, publishedPorts, hosts } = checked;
  const more =
    containers === undefined
      ? ''
      : `, ${containers} containers with ${publishedPorts} published ports, the kernels of ${hosts} hosts`;
  const seen =
    `checked ${services} services with ${vips} VIPs and ${nodePorts} NodePorts, ` +
    `${subnets} subnets, ${reservations} reservations${more}`;
  const clean = findings.length === 0 ? ': nothing is leaked, doubled or missing' : '';
  return [`${seen}${clean}`, ...findings].map((line) => `${safe(line)}\n`).join('');
}
