import { invalid } from '@causeway/shared/errors';
import { Option } from 'commander';
import { type Context, dryRunOption } from '../context.ts';
import { named } from '../input/named.ts';
import { fieldsText } from '../print/fields.ts';
import { printData } from '../print/output.ts';

/** The settings as `GET /v1/settings` answers them. */
interface SettingsView {
  readonly serviceRange: string;
  readonly serviceRangeIpv6?: string;
  readonly nodePortCidrs: readonly string[];
  readonly nodePortMin: number;
  readonly nodePortMax: number;
  readonly warnings: readonly string[];
  readonly revision: number;
}

interface SetOptions {
  readonly serviceRange?: string;
  readonly serviceRangeIpv6?: string;
  readonly nodePortRange?: string;
  readonly nodePortCidrs?: string;
  readonly dryRun?: boolean;
}

const PATH = '/v1/settings';

export function addSettings(context: Context): void {
  const settings = context.command(
    context.program,
    'settings',
    'Show and change where VIPs are given out and NodePorts are served',
    ['svcctl settings get', 'svcctl settings set --node-port-cidrs 192.168.122.0/24'],
  );
  context
    .command(settings, 'get', 'Show the settings', ['svcctl settings get -o json'])
    .addOption(new Option('-o, --output <format>', 'print in another format').choices(['json', 'yaml']))
    .action((options: { output?: 'json' | 'yaml' }) => get(context, options.output));
  context
    .command(settings, 'set', 'Change parts of the settings; what is left out stays', [
      'svcctl settings set --service-range 10.96.0.0/15',
      'svcctl settings set --node-port-cidrs 192.168.122.0/24,fd00:122::/64',
      'svcctl settings set --node-port-cidrs ""      # NodePorts on every address of a host',
    ])
    .option('--service-range <cidr>', 'where VIPs are given out')
    .option('--service-range-ipv6 <cidr>', 'where VIPs of IPv6 are given out; none: nowhere')
    .option('--node-port-range <a-b>', 'the NodePorts, first and last')
    .option('--node-port-cidrs <cidrs>', 'hosts’ addresses that NodePorts are served on, or "" for all')
    .addOption(dryRunOption())
    .action((options: SetOptions) => set(context, options));
}

async function get(context: Context, output: 'json' | 'yaml' | undefined): Promise<void> {
  const settings = await context.client().get<SettingsView>(PATH);
  if (output !== undefined) return printData(context.io, { kind: 'Settings', ...settings }, output);
  show(context, settings);
}

async function set(context: Context, options: SetOptions): Promise<void> {
  const body = bodyOf(options);
  if (Object.keys(body).length === 0)
    throw invalid('settings set', '', 'names nothing to change (see --help)');
  const query = options.dryRun ? { dryRun: 'true' } : {};
  const asked = context.client().ask<SettingsView>('PATCH', PATH, { query, body });
  const answer = await named(asked, flagOf);
  const verb = answer.changed === false ? 'unchanged' : 'changed';
  context.io.out(`settings ${verb}${options.dryRun ? ' (dry run)' : ''}\n`);
  show(context, answer.body);
}

function bodyOf({ serviceRange, serviceRangeIpv6, nodePortRange, nodePortCidrs }: SetOptions) {
  return {
    ...(serviceRange === undefined ? {} : { serviceRange }),
    ...(serviceRangeIpv6 === undefined ? {} : { serviceRangeIpv6 }),
    ...(nodePortRange === undefined ? {} : portsIn(nodePortRange)),
    ...(nodePortCidrs === undefined ? {} : { nodePortCidrs: partsOf(nodePortCidrs) }),
  };
}

/** Texts between commas; of an empty text none. */
function partsOf(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.split(',').map((part) => part.trim());
}

function portsIn(text: string) {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  if (first === undefined || last === undefined)
    throw invalid('node-port-range', text, 'is not a range of ports such as 30000-32767');
  return { nodePortMin: Number(first), nodePortMax: Number(last) };
}

/** `nodePortMin` and `nodePortMax` are the two ends of one flag. */
function flagOf(field: string): string {
  if (/^nodePortM(in|ax)$/.test(field)) return 'node-port-range:';
  return field.replace(/\[\d+\]$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function show(context: Context, settings: SettingsView): void {
  const { nodePortCidrs: cidrs, nodePortMin, nodePortMax } = settings;
  context.io.out(
    fieldsText([
      ['Service range', settings.serviceRange],
      ['of IPv6', settings.serviceRangeIpv6 ?? 'none'],
      ['NodePorts', `${nodePortMin}-${nodePortMax}`],
      ['served on', cidrs.length === 0 ? 'every address of a host' : cidrs],
      ['Revision', settings.revision],
    ]),
  );
  for (const warning of settings.warnings) context.note(warning);
}
