import { VERSION } from '@causeway/shared/version';
import { Option } from 'commander';
import type { Context } from '../context.ts';
import { printData } from '../print/output.ts';
import { safe } from '../print/safe.ts';

interface VersionOptions {
  readonly client?: boolean;
  readonly output?: 'json' | 'yaml';
}

export function addVersion(context: Context): void {
  context
    .command(context.program, 'version', 'Print the versions of svcctl and of the controller', [
      'svcctl version',
      'svcctl version --client -o json',
    ])
    .option('--client', 'only svcctl’s own; asks nobody')
    .addOption(new Option('-o, --output <format>', 'print in another format').choices(['json', 'yaml']))
    .action((options: VersionOptions) => version(context, options));
}

async function version(context: Context, options: VersionOptions): Promise<void> {
  const { io } = context;
  // Without a format the client's line comes first, so that it is there when no controller answers.
  if (options.output === undefined) io.out(`client  ${VERSION}\n`);
  if (options.client) {
    if (options.output !== undefined) await printData(io, { client: VERSION }, options.output);
    return;
  }
  const client = context.client();
  const answer = await client.get<{ version?: string }>('/version');
  const server = answer?.version ?? 'unknown';
  if (options.output === undefined) io.out(`${safe(`server  ${server}  (${client.server.text})`)}\n`);
  else await printData(io, { client: VERSION, server, address: client.server.text }, options.output);
}
