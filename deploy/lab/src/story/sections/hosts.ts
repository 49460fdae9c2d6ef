import { answersPing, says, unreached } from '../judges.ts';
import { CLIENT, castOf, curlOn, pingFrom, WEB } from '../places.ts';
import type { Section, Story } from '../story.ts';

export const hosts: Section = { title: 'Containers, hosts, and the outside client', tell };

/** What happens here is decided in docs/architecture.md, "Who is masqueraded". */
async function tell(story: Story): Promise<void> {
  const { here, there } = await castOf(story.lab);
  const near = story.lab.addressOf(here.host);
  const far = story.lab.addressOf(there.host);
  const gateway = here.address.replace(/\d+$/, '1');
  const peer = (address: string) => `http://${address}:${WEB}/cgi-bin/peer`;

  await story.ask(`${here.name} pings its own host`, pingFrom(here, near), answersPing);
  await story.ask(`${here.name} pings another host`, pingFrom(here, far), answersPing);
  await story.ask(
    `a host reaches its own container, which sees the bridge's address`,
    curlOn(here.host, peer(here.address)),
    says(gateway),
  );
  await story.ask(
    'a host reaches a container of another host, which sees the host',
    curlOn(here.host, peer(there.address)),
    says(near),
  );

  await story.ask(
    'the outside client has no route to containers: they are not announced',
    curlOn('client', peer(here.address)),
    unreached,
  );
  const route = [`${story.lab.network}`, 'via', near];
  await story.run({ on: 'client', argv: ['ip', 'route', 'replace', ...route] });
  await story.ask(
    `with a route via ${here.host} it reaches a container of that host, which sees the client`,
    curlOn('client', peer(here.address)),
    says(CLIENT),
  );
  await story.ask(
    `… and a container of another host, which sees ${here.host}, so that replies come back this way`,
    curlOn('client', peer(there.address)),
    says(near),
  );
  await story.run({ on: 'client', argv: ['ip', 'route', 'delete', ...route] });
}
