import { invalid } from '@causeway/shared/errors';
import { type NetworkFlags, networkFlagOf, readNetworkFlags } from '@causeway/shared/network-flags';
import { type Command, Option } from 'commander';
import { type Context, dryRunOption } from '../context.ts';
import { named } from '../input/named.ts';
import { type NetworkView, networkText } from '../print/network.ts';
import { printData } from '../print/output.ts';

interface SetOptions extends NetworkFlags {
  readonly renumber?: boolean;
  readonly dryRun?: boolean;
}

export function addNetwork(context: Context): void {
  const network = context.command(
    context.program,
    'network',
    'Show and change the network of all containers',
    ['svcctl network get', 'svcctl network set --backend vxlan --direct-routing'],
  );
  context
    .command(network, 'get', 'Show the configuration that hosts follow', ['svcctl network get -o json'])
    .addOption(new Option('-o, --output <format>', 'print in another format').choices(['json', 'yaml']))
    .action((options: { output?: 'json' | 'yaml' }) => get(context, options.output));
  addSet(context, network);
  context
    .command(network, 'confirm', 'Let hosts follow a configuration in etcd that gives them other subnets', [
      'svcctl network confirm --fingerprint 0a1b2c3d',
    ])
    .option('--fingerprint <digits>', 'only this one, as `network get` shows it')
    .addOption(dryRunOption())
    .action((options: { fingerprint?: string; dryRun?: boolean }) => confirm(context, options));
}

function addSet(context: Context, network: Command): void {
  context
    .command(network, 'set', 'Change parts of the configuration; what is left out stays', [
      'svcctl network set --backend host-gw --fallback vxlan',
      'svcctl network set --network-ipv6 fd00:10::/48',
      'svcctl network set --network 10.20.0.0/16 --renumber      # interrupts containers',
    ])
    .option('--network <cidr>', 'IPv4 network of all containers; none: no IPv4')
    .option('--network-ipv6 <cidr>', 'IPv6 network of all containers; none: no IPv6')
    .option('--subnet-len <n>', 'prefix length of each host’s IPv4 subnet')
    .option('--subnet-len-ipv6 <n>', 'prefix length of each host’s IPv6 subnet')
    .addOption(new Option('--backend <type>', 'how hosts reach each other').choices(['host-gw', 'vxlan']))
    .option('--direct-routing [flag]', 'with vxlan: plain routes to hosts on the same link')
    .addOption(
      new Option('--fallback <type>', 'with host-gw: how hosts on other links are reached').choices([
        'vxlan',
        'none',
      ]),
    )
    .option('--vni <n>', 'number of the tunnel’s network')
    .option('--port <n>', 'UDP port of the tunnel; 0: the kernel’s 8472')
    .option('--mtu <n>', 'bytes that the hosts’ link carries; 0: what each link says')
    .addOption(
      new Option('--masquerade <flag>', 'whether containers talk to the outside as their host').choices([
        'true',
        'false',
      ]),
    )
    .option('--non-masquerade <cidrs>', 'destinations that see the containers’ own addresses, or ""')
    .option('--renumber', 'hosts may be given other subnets; their containers are interrupted')
    .addOption(dryRunOption())
    .action((options: SetOptions) => set(context, options));
}

async function get(context: Context, output: 'json' | 'yaml' | undefined): Promise<void> {
  const network = await context.client().get<NetworkView>('/v1/network');
  if (output !== undefined) return printData(context.io, { kind: 'Network', ...network }, output);
  context.io.out(networkText(network));
}

async function set(context: Context, options: SetOptions): Promise<void> {
  const body = readNetworkFlags(options);
  if (Object.keys(body).length === 0)
    throw invalid('network set', '', 'names nothing to change (see --help)');
  const query = {
    ...(options.dryRun ? { dryRun: 'true' } : {}),
    ...(options.renumber ? { renumber: 'true' } : {}),
  };
  const client = context.client();
  const answer = await named(client.ask<NetworkView>('PATCH', '/v1/network', { query, body }), networkFlagOf);
  say(context, answer.changed === false ? 'unchanged' : 'changed', options.dryRun, answer.body);
}

async function confirm(
  context: Context,
  { fingerprint, dryRun }: { fingerprint?: string; dryRun?: boolean },
): Promise<void> {
  const client = context.client();
  const seen = fingerprint ?? (await client.get<NetworkView>('/v1/network')).refused?.config.fingerprint;
  const body = seen === undefined ? {} : { fingerprint: seen };
  const query = dryRun ? { dryRun: 'true' } : {};
  const answer = await client.ask<NetworkView>('POST', '/v1/network/confirm', { query, body });
  say(context, answer.changed === false ? 'unchanged' : 'confirmed', dryRun, answer.body);
}

function say(context: Context, verb: string, dryRun: boolean | undefined, network: NetworkView): void {
  context.io.out(`network ${verb}${dryRun ? ' (dry run)' : ''}\n${networkText(network)}`);
  for (const warning of network.warnings) context.note(warning);
}
