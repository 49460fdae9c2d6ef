import { CausewayError, show } from '@causeway/shared/errors';
import type { NetStack } from '@causeway/shared/model/net-stack';
import { Option } from 'commander';
import type { Client } from '../client/client.ts';
import type { Context } from '../context.ts';
import { checkName } from '../input/name.ts';
import { netStackText } from '../print/net-stack.ts';

interface InspectOptions {
  readonly output?: 'json';
}

export function addNet(context: Context): void {
  const net = context.command(context.program, 'net', 'Look at networks as the kernels have them', [
    'svcctl net inspect host-1',
  ]);
  context
    .command(net, 'inspect', 'Show links, addresses, routes, neighbours, rules and settings', [
      'svcctl net inspect host-1',
      'svcctl net inspect web-1 -o json',
      'svcctl net inspect container/web-1      # where a host has that name, too',
    ])
    .argument('<name>', 'a container or a host; container/NAME or host/NAME')
    .addOption(new Option('-o, --output <format>', 'print in another format').choices(['json']))
    .addHelpText('after', '\nWhat Causeway made or set has a * before it.')
    .action((name: string, options: InspectOptions) => inspect(context, name, options));
}

async function inspect(context: Context, subject: string, { output }: InspectOptions): Promise<void> {
  const stack = await stackOf(context.client(), subject);
  context.io.out(output === 'json' ? `${JSON.stringify(stack, undefined, 2)}\n` : netStackText(stack));
}

async function stackOf(client: Client, subject: string): Promise<NetStack> {
  const [, kind, text = ''] = /^(?:(container|host)\/)?(.*)$/s.exec(subject) ?? [];
  const name = checkName('name', text);
  const ask = (collection: string) => client.get<NetStack>(`/v1/${collection}/${name}/net`);
  if (kind !== undefined) return ask(kind === 'host' ? 'nodes' : 'containers');
  return ask('containers')
    .catch((error: unknown) => (isMissing(error) ? ask('nodes') : Promise.reject(error)))
    .catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      throw new CausewayError('not-found', `there is neither a container nor a host ${show(name)}`);
    });
}

function isMissing(error: unknown): boolean {
  return error instanceof CausewayError && error.code === 'not-found';
}
