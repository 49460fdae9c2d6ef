import { matches } from '../judges.ts';
import { castOf, curlFrom, VIP } from '../places.ts';
import { type Section, type Story, typed } from '../story.ts';

export const drift: Section = { title: 'Somebody breaks the kernel state of host-1', tell };

/** A repair must be complete within this time, milliseconds. */
const LIMIT_MS = 1000;
/** How often it may be late before it counts as slow. */
const GOES = 3;
/** After this time it does not come at all. */
const PATIENCE_MS = 20_000;

async function tell(story: Story): Promise<void> {
  const { here, there } = await castOf(story.lab);
  const subnet = there.address.replace(/\d+$/, '0/24');
  await breakAndWait(story, `the route to ${there.host} is deleted`, ['ip', 'route', 'delete', subnet], {
    argv: ['ip', 'route', 'show', subnet],
    whole: (listing) => listing.includes(`via ${story.lab.addressOf(there.host)}`),
  });
  const flushes =
    story.lab.dataplane === 'nftables'
      ? [
          ['nft', 'delete', 'table', 'ip', 'causeway'],
          ['nft', 'flush', 'ruleset'],
        ]
      : [
          ['iptables', '-t', 'nat', '-F'],
          ['iptables', '-t', 'nat', '-F', 'CWY-SERVICES'],
        ];
  const list = story.lab.dataplane === 'nftables' ? ['nft', 'list', 'ruleset'] : ['iptables-save'];
  const before = stable((await story.run({ on: 'host-1', argv: list })).stdout);
  for (const flush of flushes) {
    await breakAndWait(story, `\`${flush.join(' ')}\``, flush, {
      argv: list,
      whole: (listing) => stable(listing) === before,
    });
  }
  await story.ask(
    'and the service answers as before',
    curlFrom(here, `http://${VIP}:88/hello`),
    matches(/^hello from /),
  );
}

interface Look {
  readonly argv: readonly string[];
  readonly whole: (listing: string) => boolean;
}

/** Again, when it was late, a few times: a busy machine is late once, a slow repair each time. */
async function breakAndWait(story: Story, what: string, argv: readonly string[], look: Look): Promise<void> {
  const command = { on: 'host-1', argv };
  await story.tell(`${what}: it is back within a second`, typed(command), async () => {
    const took: number[] = [];
    do {
      const broke = await story.run(command);
      if (broke.exitCode !== 0) return { held: false, came: broke.stderr.trim() };
      const ms = await msUntilWhole(story, look);
      if (ms === undefined) return { held: false, came: `still broken after ${PATIENCE_MS} ms` };
      took.push(ms);
    } while (Math.min(...took) > LIMIT_MS && took.length < GOES);
    return { held: Math.min(...took) <= LIMIT_MS, came: `whole again after ${took.join(' ms, ')} ms` };
  });
}

/** Milliseconds until the look began that found all whole: on a busy machine it is looking that takes long. */
async function msUntilWhole(story: Story, { argv, whole }: Look): Promise<number | undefined> {
  const since = performance.now();
  for (;;) {
    const ms = Math.round(performance.now() - since);
    const { stdout } = await story.run({ on: 'host-1', argv });
    if (whole(stdout)) return ms;
    if (ms > PATIENCE_MS) return undefined;
  }
}

/** A listing without what differs between two listings of the same rules: counters, comments, order of elements. */
function stable(listing: string): string {
  return listing
    .replace(/\[\d+:\d+\]/g, '')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.split(','))
    .map((part) => part.replace(/elements = \{|\}/g, '').trim())
    .sort()
    .join('\n');
}
