import { z } from 'zod';
import type { App, Deps } from '../deps.ts';
import { flag } from '../objects/schemas.ts';
import { type Check, checks, OLD_VALUE, pingEtcd } from '../status/checks.ts';
import { clusterStatus } from '../status/cluster.ts';
import { hostChecks } from '../status/lines.ts';

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
        description:
          '`[+]` holds, `[-]` does not and makes it 503, `[!]` is worth knowing. With `verbose` a line for each host, and for each peer that a host does not reach.',
        querystring: z.object({ verbose: flag }),
        response: { 200: text, 503: text },
      },
    },
    async (request, reply) => {
      const own = checks(deps, await pingEtcd(deps));
      const ready = own.every(({ mark }) => mark !== '-');
      const verdict = `readyz check ${ready ? 'passed' : 'failed'}`;
      const isPlain = ready && !own.some((check) => check.text.endsWith(OLD_VALUE));
      reply.code(ready ? 200 : 503).type(PLAIN);
      if (isPlain && !request.query.verbose) return 'ok\n';
      const hosts = request.query.verbose ? hostChecks(await clusterStatus(deps)) : [];
      return `${[...[...own, ...hosts].map(line), verdict].join('\n')}\n`;
    },
  );
}

/** Others' words may be in it; a line is one check all the same. */
function line({ mark, text }: Check): string {
  return `[${mark}]${text.replace(/\p{Cc}+/gu, ' ')}`;
}
