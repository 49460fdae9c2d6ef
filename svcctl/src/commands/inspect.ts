import { Option } from 'commander';
import type { ContainerView, EndpointView } from '../api.ts';
import { containerNames } from '../containers.ts';
import type { Context } from '../context.ts';
import { containerFields } from '../print/container.ts';
import { fieldsText } from '../print/fields.ts';
import { printData, withKind } from '../print/output.ts';
import { SEVERAL_HELP, Several } from '../several.ts';

export function addInspect(context: Context): void {
  context
    .command(
      context.program,
      'inspect',
      'Show everything about containers: definition, state, addresses, the endpoints that each is',
      ['svcctl inspect web-1', 'svcctl inspect web-1 -o json', 'svcctl inspect web-1 web-2 -o yaml'],
    )
    .argument('<name...>', 'containers’ names')
    .addOption(new Option('-o, --output <format>', 'print in another format').choices(['json', 'yaml']))
    .addHelpText('after', `\nIn json and yaml several are a list. ${SEVERAL_HELP}`)
    .action((names: readonly string[], options: { output?: 'json' | 'yaml' }) =>
      inspect(context, names, options.output),
    );
}

async function inspect(
  context: Context,
  typed: readonly string[],
  output: 'json' | 'yaml' | undefined,
): Promise<void> {
  const names = containerNames(typed);
  const client = context.client();
  const several = new Several(context);
  const found = await several.each(names, (name) => client.get<ContainerView>(`/v1/containers/${name}`));
  const { items } = found.length === 0 ? { items: [] } : await client.list<EndpointView>('/v1/endpoints');
  const endpointsOf = ({ name }: ContainerView) => items.filter(({ container }) => container === name);
  if (output === undefined) {
    const texts = found.map((container) => fieldsText(containerFields(container, endpointsOf(container))));
    context.io.out(texts.join('\n'));
  } else {
    const objects = found.map((one) => ({ ...withKind('containers', one), endpoints: endpointsOf(one) }));
    const [only] = objects;
    if (names.length > 1) await printData(context.io, { kind: 'List', items: objects }, output);
    else if (only !== undefined) await printData(context.io, only, output);
  }
  several.end();
}
