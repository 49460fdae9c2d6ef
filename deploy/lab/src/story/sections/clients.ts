import { hearsNothing, matches, says, succeeds } from '../judges.ts';
import { type Cast, castOf, curlFrom, curlOn, WEB } from '../places.ts';
import { type Section, type Story, typed } from '../story.ts';
import { unexpose } from '../unexpose.ts';
import { counted, whoAnswers } from '../who.ts';

export const clients: Section = { title: 'Clients that stay, that may not come, and that speak IPv6', tell };

const AFFINE_PORT = 30008;
const DUAL_PORT = 30010;
const DUAL_VIP = '2001:db8:2::10';

async function tell(story: Story): Promise<void> {
  const cast = await castOf(story.lab);
  await affinity(story, cast);
  await sourceRange(story, cast);
  await dualStack(story, cast);
  await unexpose(story, 'loyal', 'inner', 'dual');
}

async function affinity(story: Story, { here, there }: Cast): Promise<void> {
  const { lab } = story;
  await story.ask(
    'a service of three endpoints, at which each client stays with one',
    {
      svcctl: [
        ...['expose', '2.2.2.8:88', '--name', 'loyal', '--affinity', 'client'],
        ...[here.name, there.name, 'web-3'].flatMap((name) => ['--to', `${name}:${WEB}`]),
        ...['--node-port', `${AFFINE_PORT}`, '--wait'],
      ],
    },
    succeeds,
  );
  const frontends = ['2.2.2.8:88', ...lab.hosts.map((host) => `${lab.addressOf(host)}:${AFFINE_PORT}`)];
  const command = curlOn('client', ...frontends.map((frontend) => `http://${frontend}/hello?[1-10]`));
  const all = `the client meets the same one ${frontends.length * 10} times, at every host`;
  await story.tell(all, typed(command), async () => {
    const who = await whoAnswers(story, command);
    const [times] = who.answers.values();
    return { held: times === frontends.length * 10, came: counted(who) };
  });
}

async function sourceRange(story: Story, { here, there }: Cast): Promise<void> {
  const to = ['--to', `${there.name}:${WEB}`, '--source-range', story.lab.network];
  await story.ask(
    'a service for containers only',
    { svcctl: ['expose', '2.2.2.9:88', '--name', 'inner', ...to, '--wait'] },
    succeeds,
  );
  const url = 'http://2.2.2.9:88/hello';
  await story.ask('a container is served', curlFrom(here, url), says(`hello from ${there.name}`));
  await story.ask('the outside client is not answered', curlOn('client', '-m', '1', url), hearsNothing);
}

async function dualStack(story: Story, { here, there }: Cast): Promise<void> {
  const { lab } = story;
  const to = [here, there].flatMap(({ name }) => ['--to', `${name}:${WEB}`]);
  const expose = ['expose', '2.2.2.10:88', '--vip', DUAL_VIP, '--name', 'dual', ...to];
  await story.ask(
    'a service with a VIP of IPv4 and one of IPv6',
    { svcctl: [...expose, '--node-port', `${DUAL_PORT}`, '--wait'] },
    succeeds,
  );
  const hello = new RegExp(`^hello from (${here.name}|${there.name})\\s*$`);
  const vip = `http://[${DUAL_VIP}]:88/hello`;
  const nodePort = `http://[${lab.ipv6AddressOf('host-3')}]:${DUAL_PORT}/hello`;
  await story.ask(`from ${here.name} over IPv6`, curlFrom(here, vip), matches(hello));
  await story.ask('from host-3', curlOn('host-3', vip), matches(hello));
  await story.ask('from the outside client', curlOn('client', vip), matches(hello));
  await story.ask('the NodePort of host-3, from the client', curlOn('client', nodePort), matches(hello));
  await story.ask('and over IPv4', curlOn('client', 'http://2.2.2.10:88/hello'), matches(hello));
}
