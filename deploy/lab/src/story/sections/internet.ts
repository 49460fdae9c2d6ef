import { answersPing, says } from '../judges.ts';
import { castOf, curlFrom, INTERNET, pingFrom, WEB } from '../places.ts';
import type { Section, Story } from '../story.ts';

export const internet: Section = { title: 'Container to the internet', tell };

async function tell(story: Story): Promise<void> {
  const { here, there } = await castOf(story.lab);
  await story.ask(`${here.name} pings the internet host`, pingFrom(here, INTERNET), answersPing);
  for (const container of [here, there]) {
    await story.ask(
      `the internet host sees ${container.host}, not ${container.name} (masquerade)`,
      curlFrom(container, `http://${INTERNET}:${WEB}/cgi-bin/peer`),
      says(story.lab.addressOf(container.host)),
    );
  }
  await story.ask(
    `${there.name} sees ${here.name} itself all the same`,
    curlFrom(here, `http://${there.address}:${WEB}/cgi-bin/peer`),
    says(here.address),
  );
}
