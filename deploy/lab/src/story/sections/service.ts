import { matches, succeeds } from '../judges.ts';
import { castOf, curlFrom, curlOn, VIP, WEB } from '../places.ts';
import type { Section, Story } from '../story.ts';

export const NODE_PORT = 30001;
export const SERVICE = 'test-service1';

export const service: Section = { title: 'A service: svcctl expose 2.2.2.2:88', tell };

async function tell(story: Story): Promise<void> {
  const { here, there } = await castOf(story.lab);
  const hello = new RegExp(`^hello from (${here.name}|${there.name})\\s*$`);
  await story.ask(
    'one command gives the two containers one address, on every host',
    {
      svcctl: [
        ...['expose', `${VIP}:88`, '--name', SERVICE],
        ...['--to', `${here.address}:${WEB}`, '--to', `${there.address}:${WEB}`],
        ...['--node-port', String(NODE_PORT), '--wait'],
      ],
    },
    succeeds,
  );
  const vip = `http://${VIP}:88/hello`;
  await story.ask(`from ${here.name}`, curlFrom(here, vip), matches(hello));
  await story.ask(`from ${there.name}`, curlFrom(there, vip), matches(hello));
  for (const host of story.lab.hosts) await story.ask(`from ${host}`, curlOn(host, vip), matches(hello));
  await story.ask('from the outside client, routed through a host', curlOn('client', vip), matches(hello));
  for (const host of story.lab.hosts) {
    const nodePort = `http://${story.lab.addressOf(host)}:${NODE_PORT}/hello`;
    await story.ask(`the NodePort of ${host}, from the client`, curlOn('client', nodePort), matches(hello));
    await story.ask(`the NodePort of ${host}, from ${host} itself`, curlOn(host, nodePort), matches(hello));
  }
}
