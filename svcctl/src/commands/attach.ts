import { ATTACH_ERROR, parseAttachText } from '@causeway/shared/container-text';
import { CausewayError, invalid } from '@causeway/shared/errors';
import type { AttachTarget } from '@causeway/shared/model/container';
import type { ContainerInput } from '@causeway/shared/model/container-input';
import type { ContainerView } from '../api.ts';
import { removeContainers } from '../container-removal.ts';
import { createContainer, noteDeadHosts, notWaitedFor, patienceOf } from '../containers.ts';
import { type Context, dryRunOption, noWaitOptions, type WriteOptions } from '../context.ts';
import { type Labels, labelOption } from '../input/labels.ts';
import { checkName } from '../input/name.ts';
import { safe } from '../print/safe.ts';
import { SEVERAL_HELP } from '../several.ts';
import { waitForContainers } from '../wait-containers.ts';

interface AttachOptions extends WriteOptions {
  readonly host: string;
  readonly name?: string;
  readonly label?: Labels;
  readonly ip?: string;
  readonly ip6?: string;
  readonly mac?: string;
}

export function addAttach(context: Context): void {
  const [wait, noWait, timeout] = noWaitOptions('the container has its eth0');
  context
    .command(context.program, 'attach', 'Give somebody else’s container a network and a place in services', [
      'svcctl attach docker:web --host host-1 --label app=web',
      'svcctl attach containerd:default/web --host host-1 --name web-2',
      'svcctl attach pid:4711 --host host-1 --name job',
      'svcctl attach netns:/run/netns/lab --host host-1',
    ])
    .argument(
      '<target>',
      'docker:NAME, containerd:[NAMESPACE/]ID, pid:PID or netns:PATH, made with no network',
    )
    .requiredOption('--host <name>', 'the host that it is on')
    .option('--name <name>', 'what the cluster calls it (default: made from the target)')
    .option(...labelOption())
    .option('--ip <address>', 'its IPv4 address, of the host’s subnet (default: the lowest that is free)')
    .option('--ip6 <address>', 'its IPv6 address')
    .option('--mac <address>', 'its link-layer address (default: made from its address)')
    .addOption(wait)
    .addOption(noWait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', '\nIt returns when the container has its eth0.')
    .action((target: string, options: AttachOptions) => attach(context, target, options));
}

export function addDetach(context: Context): void {
  const [wait, noWait, timeout] = noWaitOptions('its host has taken its eth0');
  context
    .command(
      context.program,
      'detach',
      'Take the network back from an attached container, which goes on running',
      ['svcctl detach web', 'svcctl detach web db --no-wait'],
    )
    .argument('<name...>', 'what the cluster calls them')
    .addOption(wait)
    .addOption(noWait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', `\nIt returns when its host has taken its eth0. ${SEVERAL_HELP}`)
    .action((names: readonly string[], options: WriteOptions) =>
      removeContainers(context, names, options, {
        ...{ done: 'detached', doing: 'being detached' },
        force: true,
        check: checkAttached,
      }),
    );
}

async function attach(context: Context, target: string, options: AttachOptions): Promise<void> {
  const { host, label, ip, ip6, mac, dryRun, wait } = options;
  const parsed = parseAttachText(target);
  if (parsed === undefined) throw invalid('target', target, ATTACH_ERROR);
  const name = options.name ?? nameOf(parsed, target);
  const chosen = {
    ...(ip === undefined ? {} : { address: ip }),
    ...(ip6 === undefined ? {} : { ipv6Address: ip6 }),
    ...(mac === undefined ? {} : { mac }),
  };
  const body: ContainerInput = {
    ...{ name, host, attach: target },
    ...(label === undefined ? {} : { labels: { ...label } }),
    ...(Object.keys(chosen).length === 0 ? {} : { network: { kind: 'bridge', ...chosen } }),
  };
  const client = context.client();
  const { isNew } = await createContainer(client, body, options);
  const tell = (done: string) =>
    context.io.out(`${safe(`container/${name} ${isNew ? done : 'unchanged'}  ${target} on ${host}`)}\n`);
  if (dryRun) return tell('attached (dry run)');
  const dead = await noteDeadHosts(context, client, [host]);
  const isVain = wait === undefined && dead.length > 0;
  if (wait === false || isVain) tell('created');
  if (isVain) throw notWaitedFor(dead);
  if (wait === false) return;
  await waitForContainers(client, new Set([name]), patienceOf(context, options)).catch((error: unknown) => {
    throw isNew ? withWayBack(error, name) : error;
  });
  tell('attached');
}

/** A host that could not attach it goes on trying. */
function withWayBack(error: unknown, name: string): unknown {
  if (!(error instanceof CausewayError) || !['degraded', 'timeout'].includes(error.code)) return error;
  const told = `${error.message}; it is tried again until "svcctl detach ${name}" takes the definition back`;
  return new CausewayError(error.code, told, { cause: error });
}

/** `docker:web` → `web`, `netns:/run/netns/lab` → `lab`, `pid:4711` → `pid-4711`. */
function nameOf({ kind, id }: AttachTarget, target: string): string {
  const last = id.split('/').at(-1) ?? '';
  const name = kind === 'pid' ? `pid-${id}` : last.toLowerCase().replaceAll(/[_.]/g, '-');
  try {
    return checkName('target', name);
  } catch (error) {
    throw new CausewayError(
      'invalid',
      `target ${JSON.stringify(target)} gives no name that a container can have: choose one with --name`,
      {
        field: 'target',
        value: target,
        cause: error,
      },
    );
  }
}

function checkAttached({ name, attach: target }: ContainerView): void {
  if (target !== undefined) return;
  throw new CausewayError(
    'conflict',
    `container ${name} is not attached, it is our own: "svcctl rm ${name}" removes it`,
    { field: 'name', value: name },
  );
}
