import { says, succeeds } from '../judges.ts';
import { castOf, curlFrom, WEB } from '../places.ts';
import type { Section, Story } from '../story.ts';

export const hairpin: Section = { title: 'A container reaches itself through the VIP', tell };

async function tell(story: Story): Promise<void> {
  const { here } = await castOf(story.lab);
  await story.ask(
    `a service with ${here.name} as its only endpoint`,
    { svcctl: ['expose', '2.2.2.3:88', '--name', 'mirror', '--to', `${here.name}:${WEB}`, '--wait'] },
    succeeds,
  );
  await story.ask(
    `${here.name} calls the VIP and is answered by itself`,
    curlFrom(here, 'http://2.2.2.3:88/hello'),
    says(`hello from ${here.name}`),
  );
  await story.ask('the service is taken away', { svcctl: ['unexpose', 'mirror', '--wait'] }, succeeds);
}
