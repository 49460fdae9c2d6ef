import { CausewayError } from '@causeway/shared/errors';
import type { ContainerView } from '../api.ts';
import type { Client } from '../client/client.ts';
import { longestStop, removeContainers } from '../container-removal.ts';
import { type Asked, containerNames, patienceOf, waitOnHosts } from '../containers.ts';
import { type Context, dryRunOption, noWaitOptions, type WriteOptions } from '../context.ts';
import { safe } from '../print/safe.ts';
import { SEVERAL_HELP, Several } from '../several.ts';
import { STEADY_MS, waitForContainers, waitForStops } from '../wait-containers.ts';

interface RemoveOptions extends WriteOptions {
  readonly force?: boolean;
}

export function addStop(context: Context): void {
  const [wait, noWait, timeout] = noWaitOptions('they are stopped');
  context
    .command(context.program, 'stop', 'Stop containers; they keep their addresses and files', [
      'svcctl stop web-1',
      'svcctl stop web-1 web-2 --no-wait',
    ])
    .argument('<name...>', 'containers’ names')
    .addOption(wait)
    .addOption(noWait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText(
      'after',
      `\nServices lose them at once; the command returns when they are stopped. ${SEVERAL_HELP}`,
    )
    .action((names: readonly string[], options: WriteOptions) => setWanted(context, 'stop', names, options));
}

export function addStart(context: Context): void {
  const [wait, noWait, timeout] = noWaitOptions('they run');
  context
    .command(context.program, 'start', 'Start containers that were stopped or have ended', [
      'svcctl start web-1',
    ])
    .argument('<name...>', 'containers’ names')
    .addOption(wait)
    .addOption(noWait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', `\nIt returns when they run. ${SEVERAL_HELP}`)
    .action((names: readonly string[], options: WriteOptions) => setWanted(context, 'start', names, options));
}

export function addRemove(context: Context): void {
  const [wait, noWait, timeout] = noWaitOptions('their hosts have removed them');
  context
    .command(context.program, 'rm', 'Remove containers, with their files and addresses', [
      'svcctl rm web-1',
      'svcctl rm web-1 web-2 --force',
    ])
    .argument('<name...>', 'containers’ names')
    .option('--force', 'also those that run, or whose network others use')
    .addOption(wait)
    .addOption(noWait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', `\nIt returns when their hosts have removed them. ${SEVERAL_HELP}`)
    .action((names: readonly string[], { force = false, ...options }: RemoveOptions) =>
      removeContainers(context, names, options, {
        done: 'removed',
        doing: 'being removed',
        force,
        check: checkOurs,
      }),
    );
}

async function setWanted(
  context: Context,
  verb: 'stop' | 'start',
  typed: readonly string[],
  options: WriteOptions,
): Promise<void> {
  const client = context.client();
  const several = new Several(context);
  const asked = await several.each(containerNames(typed), (name) =>
    ask(context, client, verb, name, options),
  );
  const wait = verb === 'stop' ? waitForStops : waitForContainers;
  const stopMs = longestStop(asked.map(({ container }) => container));
  const patience = { ...patienceOf(context, options, stopMs), steadyMs: STEADY_MS };
  await waitOnHosts({ context, client, several }, asked, options, (names, onDone) =>
    wait(client, names, { ...patience, onDone }),
  );
  several.end();
}

const WORDS = {
  stop: { done: 'stopped', doing: 'stopping' },
  start: { done: 'started', doing: 'starting' },
} as const;

async function ask(
  { io }: Context,
  client: Client,
  verb: 'stop' | 'start',
  name: string,
  { dryRun }: WriteOptions,
): Promise<Asked & { readonly container: ContainerView }> {
  const query = dryRun ? { dryRun: 'true' } : {};
  const path = `/v1/containers/${name}/${verb}`;
  const { body: container, changed } = await client.ask<ContainerView>('POST', path, { query });
  const { done, doing } = WORDS[verb];
  const dry = dryRun ? ' (dry run)' : '';
  const tell = (isDone: boolean) => {
    const word = changed ? (isDone ? done : doing) : 'unchanged';
    io.out(`${safe(`container/${name} ${word}${dry}  on ${container.host}`)}\n`);
  };
  return { container, tell };
}

function checkOurs({ name, attach }: ContainerView): void {
  if (attach === undefined) return;
  throw new CausewayError(
    'conflict',
    `container ${name} is ${attach.kind}:${attach.id}, which is not ours to remove: "svcctl detach ${name}" lets it go`,
    { field: 'name', value: name },
  );
}
