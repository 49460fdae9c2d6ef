import type { Story } from './story.ts';

/** Takes services away, all at once, without a word. */
export async function unexpose(story: Story, ...names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => story.run({ svcctl: ['unexpose', name, '--wait'] })));
}
