import { answersPing, says } from '../judges.ts';
import { castOf, curlFrom, pingFrom, WEB } from '../places.ts';
import type { Section, Story } from '../story.ts';

export const containers: Section = { title: 'Container to container', tell };

async function tell(story: Story): Promise<void> {
  const { here, neighbour, there } = await castOf(story.lab);
  const pairs = [
    { from: here, to: neighbour, where: 'on the same host' },
    { from: here, to: there, where: 'on another host' },
    { from: there, to: here, where: 'back, on the other host' },
  ];
  for (const { from, to, where } of pairs) {
    const web = `http://${to.address}:${WEB}`;
    await story.ask(`${from.name} pings ${to.name} ${where}`, pingFrom(from, to.address), answersPing);
    await story.ask(
      `${from.name} fetches /hello of ${to.name}`,
      curlFrom(from, `${web}/hello`),
      says(`hello from ${to.name}`),
    );
    await story.ask(
      `${to.name} sees the address of ${from.name} itself, no NAT`,
      curlFrom(from, `${web}/cgi-bin/peer`),
      says(from.address),
    );
  }
}
