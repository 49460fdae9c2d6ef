import type { Command, Story } from './story.ts';

/** Which containers answered how many of the connections of one command. */
export interface Answers {
  readonly answers: ReadonlyMap<string, number>;
  /** Empty when every connection was answered. */
  readonly complaint: string;
}

/** Runs a curl that fetches `/hello` once or often, and counts who says hello. */
export async function whoAnswers(story: Story, command: Command): Promise<Answers> {
  const { stdout, stderr, exitCode } = await story.run(command);
  const answers = new Map<string, number>();
  for (const [, name = ''] of stdout.matchAll(/^hello from (\S+)$/gm))
    answers.set(name, (answers.get(name) ?? 0) + 1);
  const complaint = exitCode === 0 ? '' : `; curl exit ${exitCode}: ${stderr.trim().split('\n').at(-1)}`;
  return { answers, complaint };
}

/** `web-1 30, web-2 10`, sorted by name. */
export function counted({ answers, complaint }: Answers): string {
  const counts = [...answers].sort().map(([name, count]) => `${name} ${count}`);
  return `${counts.join(', ') || 'nobody'}${complaint}`;
}

/** Whether exactly these answer, and nothing fails. */
export function areOnly({ answers, complaint }: Answers, names: readonly string[]): boolean {
  return complaint === '' && [...answers.keys()].sort().join() === [...names].sort().join();
}
