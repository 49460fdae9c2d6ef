import { once } from 'node:events';
import { answersPing, matches, says, succeeds } from '../judges.ts';
import { castOf, INTERNET } from '../places.ts';
import type { Section, Story } from '../story.ts';

export const attached: Section = { title: 'A container of somebody else: svcctl attach', tell };

const NAME = 'guest';

async function tell(story: Story): Promise<void> {
  const { there } = await castOf(story.lab);
  const guest = story.lab.spawn('host-1', ['unshare', '--net', 'sh', '-c', 'echo $$; exec sleep 1000000']);
  try {
    const [said] = (await once(guest.stdout, 'data')) as [Buffer];
    const pid = String(said).trim();
    const inside = (...argv: string[]) => ({ on: 'host-1', argv: ['nsenter', '-t', pid, '-n', ...argv] });
    await story.ask(
      `process ${pid} has a network namespace with nothing in it (unshare --net; docker run --network none)`,
      inside('ip', '-br', 'link'),
      matches(/^lo\s+DOWN.*\n?$/),
    );
    await story.ask(
      'one command gives it eth0, an address, a default route and a name',
      { svcctl: ['attach', `pid:${pid}`, '--host', 'host-1', '--name', NAME, '--wait'] },
      succeeds,
    );
    await story.ask(
      'its link',
      inside('ip', '-br', 'address', 'show', 'eth0'),
      matches(/^eth0@\S+\s+UP\s+10\.10\./),
    );
    await story.ask(
      `it reaches ${there.name}`,
      inside('ping', '-c', '1', '-W', '2', there.address),
      answersPing,
    );
    await story.ask('… and the internet', inside('ping', '-c', '1', '-W', '2', INTERNET), answersPing);
    await story.ask('it is let go', { svcctl: ['detach', NAME] }, succeeds);
    await story.ask('… and runs on, without a network', inside('sh', '-c', 'ip -br link | wc -l'), says('1'));
  } finally {
    guest.kill();
  }
}
