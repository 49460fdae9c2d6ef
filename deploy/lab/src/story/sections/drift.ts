import { matches } from '../judges.ts';
import { castOf, curlFrom, VIP } from '../places.ts';
import { type Section, type Story, typed } from '../story.ts';

export const drift: Section = { title: 'Somebody breaks the kernel state of host-1', tell };

/** A repair must be complete within this time, milliseconds. */
const LIMIT_MS = 1000;

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

async function breakAndWait(
  story: Story,
  what: string,
  argv: readonly string[],
  look: { readonly argv: readonly string[]; readonly whole: (listing: string) => boolean },
): Promise<void> {
  const command = { on: 'host-1', argv };
  await story.tell(`${what}: it is back within a second`, typed(command), async () => {
    const broke = await story.run(command);
    if (broke.exitCode !== 0) return { held: false, came: broke.stderr.trim() };
    const started = performance.now();
    for (;;) {
      const { stdout } = await story.run({ on: 'host-1', argv: look.argv });
      const ms = Math.round(performance.now() - started);
      if (look.whole(stdout)) return { held: ms <= LIMIT_MS, came: `whole again after ${ms} ms` };
      if (ms > 5 * LIMIT_MS) return { held: false, came: `still broken after ${ms} ms` };
    }
  });
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
