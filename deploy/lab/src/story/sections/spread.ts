import { uniformity } from '../chi-squared.ts';
import { castOf, curlFrom, curlOn, VIP } from '../places.ts';
import { type Command, type Section, type Story, typed } from '../story.ts';
import { whoAnswers } from '../who.ts';
import { NODE_PORT } from './service.ts';

export const spread: Section = { title: 'A thousand connections', tell };

const CONNECTIONS = 1000;
/** Below this probability a spread counts as uneven. */
const LIMIT = 0.001;

async function tell(story: Story): Promise<void> {
  const { here, there } = await castOf(story.lab);
  const serving = [here.name, there.name];
  const urls = (address: string, port: number) => `http://${address}:${port}/hello?[1-${CONNECTIONS}]`;
  const ways = [
    { who: `from ${here.name} through the VIP`, command: curlFrom(here, '-m', '60', urls(VIP, 88)) },
    {
      who: 'from the client through a NodePort',
      command: curlOn('client', '-m', '60', urls(story.lab.addressOf('host-2'), NODE_PORT)),
    },
  ];
  for (const { who, command } of ways) {
    await story.tell(`${CONNECTIONS} connections ${who} are spread evenly`, typed(command), async () => {
      // A fair coin fails this test once in a thousand runs: a failure is measured a second time.
      const first = await measure(story, command, serving);
      return first.held ? first : measure(story, command, serving);
    });
  }
}

async function measure(story: Story, command: Command, serving: readonly string[]) {
  const { answers, complaint } = await whoAnswers(story, command);
  const counts = serving.map((name) => answers.get(name) ?? 0);
  const answered = counts.reduce((sum, count) => sum + count, 0);
  const p = uniformity(counts);
  const came = `${serving.map((name, i) => `${name} ${counts[i]}`).join(', ')} (p = ${p.toFixed(4)})`;
  return { held: complaint === '' && answered === CONNECTIONS && p > LIMIT, came: came + complaint };
}
