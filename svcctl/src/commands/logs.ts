import { once } from 'node:events';
import { CausewayError, invalid } from '@causeway/shared/errors';
import { containerName } from '../containers.ts';
import type { Context } from '../context.ts';
import { parseDuration } from '../input/duration.ts';
import { logParser, logPrinter } from '../print/log.ts';

interface LogOptions {
  readonly follow?: boolean;
  readonly tail?: string;
  readonly since?: Readonly<Record<string, string>>;
  readonly timestamps?: boolean;
}

/** The host sends an empty line every 10 s; without one for this long, the connection is dead. */
const QUIET_MS = 35_000;

export function addLogs(context: Context): void {
  context
    .command(context.program, 'logs', 'Show what a container has printed', [
      'svcctl logs web-1 --tail 20',
      'svcctl logs -f --since 5m --timestamps web-1',
    ])
    .argument('<name>', 'the container’s name, on whichever host it is')
    .option('-f, --follow', 'go on with what comes, until the container is removed')
    .option('--tail <n>', 'only so many last lines', lines)
    .option('--since <time>', 'nothing older: 5m, 2h, or a time like 2026-01-31T12:00:00Z', since)
    .option('--timestamps', 'put the time before each line')
    .addHelpText('after', '\nWhat it printed to its standard error goes to svcctl’s standard error.')
    .action((name: string, options: LogOptions) => logs(context, containerName(name), options));
}

async function logs(
  context: Context,
  name: string,
  { follow = false, tail, since: from, timestamps = false }: LogOptions,
): Promise<void> {
  const query = { ...(follow ? { follow: 'true' } : {}), ...(tail === undefined ? {} : { tail }), ...from };
  const answer = await context.client().stream(`/v1/containers/${name}/log`, query, QUIET_MS);
  const { stdout, stderr } = context.io.terminal();
  const [parse, print] = [logParser(), logPrinter(timestamps)];
  try {
    for await (const piece of answer) {
      for (const part of parse(Buffer.from(piece))) {
        const to = part.stream === 'stdout' ? stdout : stderr;
        // Whoever reads slowly is waited for, on the container's host too.
        if (!to.write(print(part))) await once(to, 'drain');
      }
    }
  } catch (cause) {
    const told = `reading the log of container ${name}: the connection to its host was lost`;
    throw new CausewayError('unreachable', told, { cause });
  }
}

function lines(text: string): string {
  if (/^\d{1,7}$/.test(text)) return text;
  throw invalid('tail', text, 'is not a number of lines');
}

/** A length of time is counted back by the host's clock, which is the log's. */
function since(text: string): Readonly<Record<string, string>> {
  if (/^\d+(\.\d+)?(ms|s|m|h)?$/.test(text))
    return { sinceSeconds: String(Number((parseDuration('since', text) / 1_000).toFixed(3))) };
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw invalid('since', text, 'is neither a length of time such as 5m nor a time');
  return { since: new Date(time).toISOString() };
}
