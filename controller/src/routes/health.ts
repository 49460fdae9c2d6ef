import { CausewayError, messageOf } from '@causeway/shared/errors';
import { keys } from '@causeway/shared/store/keys';
import { z } from 'zod';
import type { App, Deps } from '../deps.ts';
import { flag } from '../objects/schemas.ts';
import { rangeFaults } from '../validate/ranges.ts';
import { hostNetworks } from '../view/facts.ts';

/** How long `/readyz` waits for etcd, milliseconds. */
const PING_MS = 2_000;

/** How a line ends that says why the configuration is not the one in etcd. */
const OLD_VALUE = '; its last readable value holds';
const CONFIG_KEYS = [
  ['config', keys.networkConfig],
  ['settings', keys.settings],
] as const;

const PLAIN = 'text/plain; charset=utf-8';
const text = z.string();

/** `/livez`: this process answers; it asks nobody. `/readyz`: the API can do its work. */
export function healthRoutes(app: App, deps: Deps): void {
  app.get(
    '/livez',
    { schema: { tags: ['about'], summary: 'Is the process alive?', response: { 200: text } } },
    async (_request, reply) => {
      reply.type(PLAIN);
      return 'ok\n';
    },
  );

  app.get(
    '/readyz',
    {
      schema: {
        tags: ['about'],
        summary: 'Can the controller do its work?',
        description: '`[+]` holds, `[-]` does not and makes it 503, `[!]` is worth knowing.',
        querystring: z.object({ verbose: flag }),
        response: { 200: text, 503: text },
      },
    },
    async (request, reply) => {
      const lines = await check(deps);
      const ready = lines.every((line) => !line.startsWith('[-]'));
      const verdict = `readyz check ${ready ? 'passed' : 'failed'}`;
      const isPlain = ready && !lines.some((line) => line.endsWith(OLD_VALUE));
      const shown = request.query.verbose || !isPlain ? [...lines, verdict] : ['ok'];
      reply.code(ready ? 200 : 503).type(PLAIN);
      return `${shown.join('\n')}\n`;
    },
  );
}

async function check({ store, view }: Deps): Promise<readonly string[]> {
  const asked = Date.now();
  const etcd = await answered(store.ping()).then(
    () => {
      view.heard();
      return `[+]etcd ok, answered in ${Date.now() - asked} ms`;
    },
    (error: unknown) => `[-]etcd failed: ${messageOf(error)}`,
  );
  const config = [...configLines(view), ...rangeLines(view)];
  return [etcd, watchLine(view), ...config, ...nodeLines(view), ...unreadableLines(view)];
}

function watchLine({ connection }: Deps['view']): string {
  const age =
    connection.lastWordAt === 0
      ? 'never heard of it'
      : `last word ${((Date.now() - connection.lastWordAt) / 1000).toFixed(1)} s ago`;
  return connection.whole ? `[+]watch ok, ${age}` : `[-]watch failed: ${connection.reason}, ${age}`;
}

/** Without a configuration nothing works; with the last one that could be read, everything does. */
function configLines({ tables, unreadable }: Deps['view']): readonly string[] {
  const faults = CONFIG_KEYS.flatMap(([kind, key]) => {
    const why = unreadable.get(key);
    if (why === undefined) return tables[kind].has('') ? [] : ['[-]network configuration is not in etcd'];
    return tables[kind].has('') ? [`[!]${why}${OLD_VALUE}`] : [`[-]network configuration: ${why}`];
  });
  const network = tables.config.get('')?.value.network;
  return faults.length === 0 ? [`[+]network configuration ok, ${network}`] : [...new Set(faults)];
}

/** Ranges that overlap something: what hosts joined, or somebody wrote, after they were chosen. */
function rangeLines({ tables }: Deps['view']): readonly string[] {
  const network = tables.config.get('')?.value.network;
  const serviceRange = tables.settings.get('')?.value.serviceRange;
  if (network === undefined || serviceRange === undefined) return [];
  const hosts = hostNetworks([...tables.node.values()].map(({ value }) => value));
  return rangeFaults({ network, serviceRange }, hosts).map((sentence) => `[!]${sentence}`);
}

/** A host that is down stops no change of the API, so it is no reason to be unready. */
function nodeLines({ tables }: Deps['view']): readonly string[] {
  return [...tables.node.values()].map(({ value: { name, id } }) =>
    tables.alive.get(name)?.value.id === id ? `[+]node ${name} alive` : `[!]node ${name} is not alive`,
  );
}

function unreadableLines({ unreadable }: Deps['view']): readonly string[] {
  const told: readonly string[] = CONFIG_KEYS.map(([, key]) => key);
  return [...unreadable].flatMap(([key, sentence]) => (told.includes(key) ? [] : [`[!]${sentence}`]));
}

async function answered(ping: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new CausewayError('timeout', `asking etcd: no answer after ${PING_MS} ms`)),
      PING_MS,
    );
  });
  try {
    await Promise.race([ping, late]);
  } finally {
    clearTimeout(timer);
  }
}
