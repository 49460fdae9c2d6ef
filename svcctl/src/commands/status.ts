import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { Option } from 'commander';
import { type Context, DEFAULT_TIMEOUT_MS, timeoutOption } from '../context.ts';
import { formatDuration } from '../input/duration.ts';
import { printData } from '../print/output.ts';
import { type ClusterStatus, gatherStatus } from '../status/gather.ts';
import { statusText } from '../status/print.ts';

interface StatusOptions {
  readonly wait?: boolean;
  readonly timeout?: number;
  readonly output?: 'json' | 'yaml';
}

/** How many faults are told in one line. */
const TOLD = 60;
/** While waiting, the controller or etcd may be down, so there is no stream to wait on. */
const ASK_EVERY_MS = 250;

export function addStatus(context: Context): void {
  context
    .command(context.program, 'status', 'Show whether controller, etcd, hosts and services are well', [
      'svcctl status',
      'svcctl status --wait --timeout 1m      # until nothing is degraded',
    ])
    .option('--wait', 'return when nothing is degraded')
    .addOption(timeoutOption())
    .addOption(new Option('-o, --output <format>', 'print in another format').choices(['json', 'yaml']))
    .addHelpText(
      'after',
      '\nDegraded (7) is: etcd away, no host, a host that is dead, behind, silent, without a subnet, does not\n' +
        'reach a peer or has problems, a change of the network that waits to be confirmed, a key in etcd that\n' +
        'cannot be read, and a service none of whose targets runs. A service that names no targets is shown, and\n' +
        'is no fault; nor is a host that somebody cordoned or drained.',
    )
    .action((options: StatusOptions) => status(context, options));
}

async function status(context: Context, options: StatusOptions): Promise<void> {
  const found = options.wait
    ? await healthy(context, options.timeout ?? DEFAULT_TIMEOUT_MS)
    : await gatherStatus(context.client());
  if (options.output !== undefined) await printData(context.io, found, options.output);
  else context.io.out(statusText(found, context.io.colour));
  if (found.degraded.length > 0)
    throw new CausewayError('degraded', `the cluster is degraded: ${sentences(found.degraded)}`);
}

/** The first of many; all are in `-o json`. */
function sentences(all: readonly string[]): string {
  const more = all.length - TOLD;
  return more > 0 ? `${all.slice(0, TOLD).join('; ')}; and ${more} more` : all.join('; ');
}

/** Asks until nothing is degraded. @throws CausewayError `timeout` with the last reason */
async function healthy(context: Context, timeoutMs: number): Promise<ClusterStatus> {
  const deadline = context.io.now() + timeoutMs;
  for (;;) {
    const { status: found, reason } = await look(context);
    if (found !== undefined && reason === '') return found;
    if (context.io.now() + ASK_EVERY_MS > deadline) {
      const within = formatDuration(timeoutMs);
      throw new CausewayError('timeout', `waiting for a healthy cluster: not within ${within}: ${reason}`);
    }
    await sleep(ASK_EVERY_MS);
  }
}

async function look(context: Context): Promise<{ status?: ClusterStatus; reason: string }> {
  try {
    const found = await gatherStatus(context.client());
    return { status: found, reason: sentences(found.degraded) };
  } catch (error) {
    // A controller that is still starting is what `--wait` waits for.
    if (error instanceof CausewayError && error.code === 'unreachable') return { reason: messageOf(error) };
    throw error;
  }
}
