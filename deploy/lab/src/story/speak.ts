import type { Conversation } from './conversation.ts';
import type { Story } from './story.ts';

/** Says what is asked on open connections: all of them must bring it back. */
export async function speak(story: Story, open: readonly Conversation[], ask: string): Promise<void> {
  await story.tell(ask, open.map((conversation) => conversation.typed).join('  and  '), async () => {
    const echoes = await Promise.all(open.map((conversation) => conversation.say(ask)));
    const held = echoes.every((echo) => echo === ask);
    return { held, came: held ? 'every word came back' : `came back: ${echoes.join(' | ')}` };
  });
}
