import { STORY_NETWORK_IPV6 } from '@causeway/lab/story/places';
import { sections } from '@causeway/lab/story/sections/index';
import { createStory, type Outcome } from '@causeway/lab/story/story';
import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { describe, expect, it } from 'vitest';
import { output, useLab } from '../support/lab.ts';

/** What `npm start` shows, as tests: one for each section and dataplane, in the story's order. */
const up = useLab({ hosts: 3, networkIpv6: STORY_NETWORK_IPV6 });

describe.each(DATAPLANES)('the story with %s', (dataplane) => {
  it('runs on it, and holds no rule of the other', async () => {
    if (up.lab.dataplane !== dataplane) await up.lab.useDataplane(dataplane);
    for (const host of up.lab.hosts) {
      const tables = await output(up.lab, host, 'nft', 'list', 'tables');
      const chains = await output(up.lab, host, 'iptables-save');
      expect([/^table ip causeway$/m.test(tables), chains.includes('CWY-')]).toEqual(
        dataplane === 'nftables' ? [true, false] : [false, true],
      );
    }
  });

  it.each(sections.map((section) => [section.title, section] as const))('%s', async (title, section) => {
    const outcomes: Outcome[] = [];
    await section.tell(createStory(up.lab, title, (outcome) => outcomes.push(outcome)));
    const broken = outcomes.filter((outcome) => !outcome.held);
    expect(broken.map(({ ask, command, came }) => `${ask}\n  $ ${command}\n  ${came}`)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(0);
  });
});
