import { hearsNothing, says, succeeds } from '../judges.ts';
import { CLIENT, castOf, curlFrom, curlOn } from '../places.ts';
import type { Section, Story } from '../story.ts';
import { SHOP } from './own.ts';

export const filtered: Section = { title: 'A policy: who may connect to it', tell };

async function tell(story: Story): Promise<void> {
  const { here } = await castOf(story.lab);
  const url = `http://${story.lab.addressOf(SHOP.host)}:${SHOP.hostPort}/hello`;
  const hello = says('hello from shop');
  const wait = ['--from', SHOP.name, '--wait'];
  await story.ask('one address is blocked', { svcctl: ['policy', 'block', CLIENT, ...wait] }, succeeds);
  await story.ask('the client is heard no more', curlOn('client', '-m', '1', url), hearsNothing);
  await story.ask(`${here.name} is`, curlFrom(here, url), hello);
  await story.ask('the block is taken back', { svcctl: ['policy', 'unblock', CLIENT, ...wait] }, succeeds);
  await story.ask('the client is answered again', curlOn('client', url), hello);
  await story.run({ svcctl: ['policy', 'delete', `blocked-from-${SHOP.name}`] });
  await story.run({ svcctl: ['rm', SHOP.name, '--force'] });
}
