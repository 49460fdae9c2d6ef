import { lastLine, says } from '../judges.ts';
import { castOf, curlFrom, curlOn } from '../places.ts';
import type { Section, Story } from '../story.ts';
import { SHOP } from './own.ts';

export const published: Section = { title: 'Its published port', tell };

async function tell(story: Story): Promise<void> {
  const { here, there } = await castOf(story.lab);
  const url = `http://${story.lab.addressOf(SHOP.host)}:${SHOP.hostPort}/hello`;
  const hello = says('hello from shop');
  await story.ask('from the outside client', curlOn('client', url), hello);
  await story.ask('from its host itself', curlOn(SHOP.host, url), hello);
  await story.ask(`from ${there.name}, its neighbour on the bridge`, curlFrom(there, url), hello);
  await story.ask(`from ${here.name}, on another host`, curlFrom(here, url), hello);
  await story.ask(
    'nobody else is given the same port',
    {
      svcctl: [
        ...['run', 'late', '--host', SHOP.host, '--publish', `${SHOP.hostPort}:80`],
        ...['--', 'sleep', '1000'],
      ],
    },
    (result) => ({ held: result.exitCode === 4, came: lastLine(result) }),
  );
}
