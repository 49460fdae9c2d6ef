import { Option } from 'commander';
import type { ContainerView, EndpointView } from '../api.ts';
import { containerName } from '../containers.ts';
import type { Context } from '../context.ts';
import { containerFields } from '../print/container.ts';
import { fieldsText } from '../print/fields.ts';
import { printData, withKind } from '../print/output.ts';

export function addInspect(context: Context): void {
  context
    .command(
      context.program,
      'inspect',
      'Show everything about one container: its definition, its state, its addresses, the endpoints that it is',
      ['svcctl inspect web-1', 'svcctl inspect web-1 -o json'],
    )
    .argument('<name>', 'the container’s name')
    .addOption(new Option('-o, --output <format>', 'print in another format').choices(['json', 'yaml']))
    .action((name: string, options: { output?: 'json' | 'yaml' }) => inspect(context, name, options.output));
}

async function inspect(context: Context, typed: string, output: 'json' | 'yaml' | undefined): Promise<void> {
  const name = containerName(typed);
  const client = context.client();
  const [container, all] = await Promise.all([
    client.get<ContainerView>(`/v1/containers/${name}`),
    client.list<EndpointView>('/v1/endpoints'),
  ]);
  const endpoints = all.items.filter((endpoint) => endpoint.container === name);
  if (output === undefined) context.io.out(fieldsText(containerFields(container, endpoints)));
  else await printData(context.io, { ...withKind('containers', container), endpoints }, output);
}
