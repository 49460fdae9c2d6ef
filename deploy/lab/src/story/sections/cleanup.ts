import { differences } from '../../host-state.ts';
import { matches, succeeds } from '../judges.ts';
import { curlOn, VIP } from '../places.ts';
import type { Section, Story } from '../story.ts';

export const cleanup: Section = { title: 'cleanup on the last host', tell };

async function tell(story: Story): Promise<void> {
  const { lab } = story;
  const host = lab.hosts.at(-1) ?? 'host-1';
  await lab.stopAgent(host);
  await story.ask(
    `cleanup removes what Causeway made on ${host}`,
    { on: host, argv: ['causeway-agent', 'cleanup'] },
    succeeds,
  );
  await story.tell(
    'links, addresses, routes, rules and sysctls are what they were before the agent first ran',
    `npm run lab -- exec ${host} -- sh -c 'ip address; ip route show table all; nft list ruleset; iptables-legacy-save; sysctl -a'`,
    async () => {
      const found = differences(await lab.stateBefore(host), await lab.stateOf(host));
      return { held: found.length === 0, came: found.length === 0 ? 'no difference' : found.join('; ') };
    },
  );
  await lab.startAgent(host);
  await lab.ready();
  await story.ask(
    `the agent of ${host} starts again and serves as before`,
    curlOn(host, `http://${VIP}:88/hello`),
    matches(/^hello from /),
  );
}
