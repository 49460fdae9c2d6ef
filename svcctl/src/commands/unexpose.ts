import { CausewayError, show } from '@causeway/shared/errors';
import type { ServiceView } from '../api.ts';
import type { Client } from '../client/client.ts';
import { type Context, dryRunOption, type WriteOptions, waitOptions } from '../context.ts';
import { parseFrontend } from '../input/frontend.ts';
import { parseSubject } from '../input/kinds.ts';
import { checkName } from '../input/name.ts';
import { frontends } from '../print/service.ts';
import { removeObject } from '../remove.ts';

export function addUnexpose(context: Context): void {
  const [wait, timeout] = waitOptions();
  context
    .command(context.program, 'unexpose', 'Take a service away, and its address with it', [
      'svcctl unexpose web --wait',
      'svcctl unexpose 2.2.2.2:88',
      'svcctl unexpose [fd00::2]:88',
    ])
    .argument('<service>', 'its name, or its VIP:PORT')
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .action((which: string, options: WriteOptions) => unexpose(context, which, options));
}

async function unexpose(context: Context, which: string, options: WriteOptions): Promise<void> {
  const client = context.client();
  const name = which.includes(':') ? await serviceAt(client, which) : nameIn(which);
  const revision = await removeObject(context, client, 'services', name, options);
  await context.settle(client, revision, options);
}

/** `web`, or `service/web` as other commands print it. */
function nameIn(which: string): string {
  const name = which.includes('/') ? parseSubject(which, undefined, ['services']).name : which;
  return checkName('service', name ?? '');
}

/** The service that owns a frontend; one with further frontends is not taken away by naming one of them. */
async function serviceAt(client: Client, text: string): Promise<string> {
  const { vip, port, protocol } = parseFrontend(text);
  const address = canonical(vip);
  const { items } = await client.list<ServiceView>('/v1/services');
  const found = items.find(
    ({ vips, ports }) =>
      vips.includes(address) &&
      ports.some((one) => one.port === port && (protocol === undefined || one.protocol === protocol)),
  );
  if (found === undefined) throw new CausewayError('not-found', `no service has the address ${show(text)}`);
  const several = found.ports.length > 1 ? 'ports' : found.vips.length > 1 ? 'VIPs' : undefined;
  if (several !== undefined)
    throw new CausewayError(
      'conflict',
      `service ${show(found.name)} has several ${several} (${frontends(found)}): ` +
        `take it away whole with svcctl unexpose ${found.name}`,
    );
  return found.name;
}

/** As controllers write it (RFC 5952). The core's own parser is a quarter of svcctl again, which all commands would load. */
function canonical(vip: string): string {
  return vip.includes(':') ? new URL(`http://[${vip}]`).hostname.slice(1, -1) : vip;
}
