import { invalid, show } from '@causeway/shared/errors';
import type { Protocol } from '@causeway/shared/model/service';
import type { ServiceInput } from '@causeway/shared/model/service-input';
import type { ServiceView } from '../api.ts';
import { type Context, dryRunOption, outputOption, type WriteOptions, waitOptions } from '../context.ts';
import { parseFrontend, parseNodePort, parsePort } from '../input/frontend.ts';
import { nameOf, printObject } from '../print/output.ts';
import { safe } from '../print/safe.ts';
import { leadsNowhere, noEndpointsNote, notesOf, serviceLine } from '../print/service.ts';

interface ExposeOptions extends WriteOptions {
  readonly name?: string;
  readonly to?: readonly string[];
  readonly nodePort?: number | 'auto';
  readonly protocol?: Protocol;
  readonly targetPort?: number;
}

const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

export function addExpose(context: Context): void {
  const [wait, timeout] = waitOptions();
  context
    .command(context.program, 'expose', 'Give a service a stable address', [
      'svcctl expose 2.2.2.2:88 --name web --to 10.10.1.2:12345 --to web-2:12345 --node-port 30001 --wait',
      'svcctl expose :80 --to web-1:8080      # an address from the service range',
    ])
    .argument('<VIP:PORT>', 'where clients connect; :PORT takes an address from the service range')
    .option('--name <name>', 'the service’s name (default: made from the address, as svc-2-2-2-2-88)')
    .option('--to <target>', 'ADDRESS:PORT or CONTAINER[:PORT], once for each endpoint', collect)
    .option('--node-port <port>', 'also serve on this port of every host; auto chooses one', parseNodePort)
    .option('--protocol <protocol>', 'tcp, udp or sctp (default: tcp)', parseProtocol)
    .option('--target-port <port>', 'port of targets that name none (default: PORT)', (text) =>
      parsePort('target-port', text),
    )
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addOption(outputOption())
    .action((frontend: string, options: ExposeOptions) => expose(context, frontend, options));
}

async function expose(context: Context, frontend: string, options: ExposeOptions): Promise<void> {
  const input = toInput(frontend, options);
  const client = context.client();
  const query = options.dryRun ? { dryRun: 'true' } : {};
  const answer = await client.ask<ServiceView>('POST', '/v1/services', { query, body: input });
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
  await context.settle(client, answer.revision, options);
}

function toInput(frontend: string, options: ExposeOptions): ServiceInput {
  const { vip, port } = parseFrontend(frontend);
  const { name, protocol, targetPort, nodePort } = options;
  return {
    ...(name !== undefined && { name }),
    vip: vip ?? 'auto',
    ports: [
      {
        port,
        ...(protocol !== undefined && { protocol }),
        ...(targetPort !== undefined && { targetPort }),
        ...(nodePort !== undefined && { nodePort }),
      },
    ],
    endpoints: [...(options.to ?? [])],
  };
}

function collect(value: string, before: readonly string[] = []): string[] {
  if (before.includes(value)) throw invalid('to', value, `is given twice: ${show([...before, value])}`);
  return [...before, value];
}

function parseProtocol(text: string): Protocol {
  const protocol = PROTOCOLS.find((one) => one === text.toLowerCase());
  if (protocol === undefined) throw invalid('protocol', text, `is none of ${PROTOCOLS.join(', ')}`);
  return protocol;
}
