import { invalid } from '@causeway/shared/errors';
import type { Command } from 'commander';
import type { ServiceView } from '../api.ts';
import {
  type Context,
  DEFAULT_TIMEOUT_MS,
  dryRunOption,
  outputOption,
  type WriteOptions,
  waitOptions,
} from '../context.ts';
import { choiceOption } from '../input/choice.ts';
import { exposeFlags, inFlags } from '../input/flags.ts';
import { parseNodePort, parsePort, parseSecondVip } from '../input/frontend.ts';
import { healthOptions } from '../input/health.ts';
import { type Labels, parseLabels } from '../input/labels.ts';
import { type PortSpec, parsePortSpec } from '../input/port-spec.ts';
import { parseProtocol } from '../input/protocol.ts';
import { type ServiceOptions, serviceInput } from '../input/service-input.ts';
import { parseTarget, type TargetInput } from '../input/target.ts';
import { nameOf, printObject } from '../print/output.ts';
import { safe } from '../print/safe.ts';
import { leadsNowhere, noEndpointsNote, notesOf, serviceLine } from '../print/service.ts';
import { waitForHealth } from '../wait-objects.ts';

type ExposeOptions = WriteOptions & ServiceOptions;

const EXAMPLES = [
  'svcctl expose 2.2.2.2:88 --name web --to 10.10.1.2:12345 --to web-2:12345 --node-port 30001 --wait',
  'svcctl expose :80 --to web-1:8080,weight=3 --to web-2:8080      # an address from the service range',
  'svcctl expose 2.2.2.2:80 --port https=443:8443 --port 53/udp,node-port=auto --to web-1',
  'svcctl expose :80 --family dual --selector app=web --health http --health-path /ready',
  'svcctl expose none:80 --node-port auto --external-policy local --to web-1      # no address of its own',
];

export function addExpose(context: Context): void {
  const [wait, timeout] = waitOptions();
  const command = context
    .command(context.program, 'expose', 'Give a service a stable address', EXAMPLES)
    .argument(
      '<VIP:PORT>',
      'where clients connect: 2.2.2.2:88, [fd00::2]:88, :PORT for any address, none:PORT',
    )
    // One too many is told with what to write instead.
    .allowExcessArguments(true)
    .option('--name <name>', 'the service’s name (default: made from the address, as svc-2-2-2-2-88)');
  addTargets(command);
  addPorts(command);
  addAddresses(command);
  addChoice(command);
  command.optionsGroup('Health:');
  for (const option of healthOptions()) command.addOption(option);
  command
    .addOption(choiceOption('--when-unhealthy <what>', 'when no endpoint is healthy', ['reject', 'open']))
    .option('--publish-not-ready', 'endpoints count as ready whatever their health');
  command
    .optionsGroup('Options:')
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addOption(outputOption())
    .action((frontend: string, options: ExposeOptions, { args }: Command) => {
      if (args[1] !== undefined)
        throw invalid('VIP:PORT', args[1], 'is one too many: add ports with --port, a second VIP with --vip');
      return expose(context, frontend, options);
    });
}

function addTargets(command: Command): void {
  command
    .optionsGroup('Endpoints:')
    .option('--to <target>', 'ADDRESS:PORT or NAME[:PORT], with ,weight=0–100 or without; repeatable', target)
    .option('--selector <labels>', 'all containers and workloads with these: app=web,tier=front', selector);
}

function addPorts(command: Command): void {
  command
    .optionsGroup('Ports:')
    .option(
      '--node-port <port>',
      'also serve PORT on this port of every host; auto chooses one',
      parseNodePort,
    )
    .option('--protocol <protocol>', 'of PORT: tcp, udp or sctp (default: tcp)', parseProtocol)
    .option('--target-port <port>', 'of targets that name none (default: PORT)', (text) =>
      parsePort('target-port', text),
    )
    .option(
      '--port <port>',
      'one more: [NAME=]PORT[:TARGET][/PROTOCOL][,node-port=N|auto]; repeatable',
      port,
    );
}

function addAddresses(command: Command): void {
  command
    .optionsGroup('Addresses:')
    .option('--vip <address>', 'a second VIP, of the other family; auto takes one of the service range', vip)
    .addOption(choiceOption('--family <family>', 'that it is served in', ['ipv4', 'ipv6', 'dual']));
}

function addChoice(command: Command): void {
  command
    .optionsGroup('Clients:')
    .addOption(choiceOption('--affinity <kind>', 'client: each stays with one endpoint', ['none', 'client']))
    .addOption(choiceOption('--external-policy <policy>', 'endpoints for NodePorts', ['cluster', 'local']))
    .addOption(choiceOption('--internal-policy <policy>', 'endpoints for the VIP', ['cluster', 'local']))
    .option('--source-range <cidr>', 'only clients from here may connect; repeatable', ranges);
}

async function expose(context: Context, frontend: string, options: ExposeOptions): Promise<void> {
  const { input, isFirstTyped } = serviceInput(frontend, options);
  const client = context.client();
  const query = options.dryRun ? { dryRun: 'true' } : {};
  const answer = await client
    .ask<ServiceView>('POST', '/v1/services', { query, body: input })
    .catch((error: unknown) => {
      throw inFlags(error, exposeFlags(input.ports, isFirstTyped));
    });
  const service = answer.body;
  if (options.output !== undefined) await printObject(context.io, 'services', service, options);
  else {
    // A dry run of something new answers revision 0.
    const isNew = options.dryRun ? service.revision === 0 : answer.status === 201;
    const verb = isNew ? 'created' : 'unchanged';
    const dry = options.dryRun ? ' (dry run)' : '';
    context.io.out(`${nameOf('services', service)} ${verb}${dry}  ${serviceLine(service)}\n`);
  }
  if (leadsNowhere(service)) context.note(noEndpointsNote(service, options.dryRun === true));
  for (const sentence of notesOf(service)) context.note(safe(sentence));
  await context.settle(client, Math.max(answer.revision, await healthy(context, service, options)), options);
}

/** With `--wait` the service answers afterwards, if any of its endpoints does. */
async function healthy(context: Context, service: ServiceView, options: ExposeOptions): Promise<number> {
  if (!options.wait || options.dryRun) return 0;
  return waitForHealth(context.client(), service, {
    timeoutMs: options.timeout ?? DEFAULT_TIMEOUT_MS,
    onNote: (sentence) => context.note(sentence),
  });
}

function target(text: string, before: readonly TargetInput[] = []): readonly TargetInput[] {
  const parsed = parseTarget('to', text);
  if (before.some(({ to }) => to === parsed.to)) throw invalid('to', parsed.to, 'is given twice');
  return [...before, parsed];
}

function selector(text: string, before?: Labels): Labels {
  return parseLabels('selector', text, before);
}

function port(text: string, before: readonly PortSpec[] = []): readonly PortSpec[] {
  return [...before, parsePortSpec(text)];
}

function vip(text: string, before?: string): string {
  if (before !== undefined)
    throw invalid('vip', text, `is one too many: beside that of VIP:PORT there is ${before} already`);
  return parseSecondVip(text);
}

/** Also several in one flag: a CIDR holds no comma. */
function ranges(text: string, before: readonly string[] = []): readonly string[] {
  const parts = text.split(',').map((part) => part.trim());
  const twice = parts.find((part, index) => before.includes(part) || parts.indexOf(part) < index);
  if (twice !== undefined) throw invalid('source-range', twice, 'is given twice');
  return [...before, ...parts];
}
