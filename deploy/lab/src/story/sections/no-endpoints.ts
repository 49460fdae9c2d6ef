import { refusedAtOnce, says, succeeds } from '../judges.ts';
import { castOf, curlFrom, curlOn, WEB } from '../places.ts';
import type { Section, Story } from '../story.ts';

export const noEndpoints: Section = { title: 'A service without endpoints', tell };

const ADDRESS = '2.2.2.4:88';
const URL = `http://${ADDRESS}/hello`;
const VERBOSE = '-v';
const PORT = 30004;

async function tell(story: Story): Promise<void> {
  const { here, there } = await castOf(story.lab);
  const refused = async (when: string) => {
    await story.ask(`${when} a container is refused at once`, curlFrom(here, VERBOSE, URL), refusedAtOnce);
    await story.ask(`${when} a host is refused at once`, curlOn('host-2', VERBOSE, URL), refusedAtOnce);
    await story.ask(
      `${when} the outside client is refused at once`,
      curlOn('client', VERBOSE, URL),
      refusedAtOnce,
    );
    const nodePort = `http://${story.lab.addressOf('host-2')}:${PORT}/hello`;
    await story.ask(
      `${when} the NodePort refuses at once`,
      curlOn('client', VERBOSE, nodePort),
      refusedAtOnce,
    );
  };
  const served = (when: string) =>
    story.ask(`${when} it is served`, curlOn('client', URL), says(`hello from ${there.name}`));
  const endpoint = (verb: 'add' | 'rm') =>
    story.ask(
      verb === 'add' ? 'an endpoint is added' : 'the last endpoint is removed',
      { svcctl: ['endpoint', verb, 'hollow', `${there.address}:${WEB}`, '--wait'] },
      succeeds,
    );

  await story.ask(
    'a service without endpoints is valid',
    { svcctl: ['expose', ADDRESS, '--name', 'hollow', '--node-port', String(PORT), '--wait'] },
    succeeds,
  );
  await refused('without endpoints');
  await endpoint('add');
  await served('with an endpoint');
  await endpoint('rm');
  await refused('with the last one gone');
  await endpoint('add');
  await served('with one again');
  await story.ask('it is taken away', { svcctl: ['unexpose', 'hollow', '--wait'] }, succeeds);
}
