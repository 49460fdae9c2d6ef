import { converse } from '../conversation.ts';
import { matches, says } from '../judges.ts';
import { type Cast, castOf, curlFrom, curlOn, ECHO, pingFrom, VIP, WEB } from '../places.ts';
import { speak } from '../speak.ts';
import type { Section, Story } from '../story.ts';
import { NODE_PORT } from './service.ts';

export const stopped: Section = { title: 'Every agent, the controller and etcd stopped', tell };

async function tell(story: Story): Promise<void> {
  const { lab } = story;
  const cast = await castOf(lab);
  const { here, there } = cast;
  await story.run({
    svcctl: ['expose', `2.2.2.5:${ECHO}`, '--name', 'echo', '--to', `${there.name}:${ECHO}`, '--wait'],
  });
  // Two connections that live through everything below: through the VIP, and straight between containers.
  const open = [
    await converse(lab, here.host, ['ip', 'netns', 'exec', `cwy-${here.name}`], '2.2.2.5', ECHO),
    await converse(lab, here.host, ['ip', 'netns', 'exec', `cwy-${here.name}`], there.address, ECHO),
  ];
  try {
    await speak(story, open, 'two connections are opened, one through a VIP');
    await story.tell('all agents, the controller and its etcd stop', stopCommand(lab.hosts), async () => {
      for (const host of lab.hosts) await lab.stopAgent(host);
      await lab.stopController();
      return { held: true, came: `stopped on ${lab.hosts.join(', ')}` };
    });
    await traffic(story, cast);
    await speak(story, open, 'the open connections go on');
    await story.tell('the controller and all agents start again', startCommand(lab.hosts), async () => {
      await lab.startController();
      for (const host of lab.hosts) await lab.startAgent(host);
      await lab.ready();
      return { held: true, came: `ready on ${lab.hosts.join(', ')}` };
    });
    await speak(story, open, 'no connection was lost');
    for (const host of lab.hosts) {
      await story.ask(
        `the plan of ${host} is empty`,
        { on: host, argv: ['causeway-agent', 'plan', '--dataplane', lab.dataplane] },
        matches(/nothing to do/),
      );
    }
  } finally {
    for (const conversation of open) conversation.close();
  }
  await story.run({ svcctl: ['unexpose', 'echo', '--wait'] });
}

async function traffic(story: Story, { here, there }: Cast): Promise<void> {
  const hello = /^hello from /;
  await story.ask(
    'container to container goes on',
    pingFrom(here, there.address),
    matches(/ 0% packet loss/),
  );
  await story.ask(
    '… by curl, with its own address',
    curlFrom(here, `http://${there.address}:${WEB}/cgi-bin/peer`),
    says(here.address),
  );
  await story.ask('the VIP goes on', curlFrom(here, `http://${VIP}:88/hello`), matches(hello));
  await story.ask(
    'the NodePort goes on',
    curlOn('client', `http://${story.lab.addressOf('host-1')}:${NODE_PORT}/hello`),
    matches(hello),
  );
}

function stopCommand(hosts: readonly string[]): string {
  return [...hosts.map((host) => `npm run lab -- agent stop ${host}`), 'npm run lab -- controller stop'].join(
    '; ',
  );
}

function startCommand(hosts: readonly string[]): string {
  return [
    'npm run lab -- controller start',
    ...hosts.map((host) => `npm run lab -- agent start ${host}`),
  ].join('; ');
}
