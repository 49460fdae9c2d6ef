import { run } from '@causeway/shared/programs/run';

/** Runs lines of `ip` in one process, in the host's namespace. @throws CausewayError `command-failed` at the first that fails */
export async function ipBatch(name: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await run('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n`, doing: `connecting ${name}` });
}

/** Likewise in a named namespace. */
export async function ipBatchIn(netns: string, name: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const input = `${lines.join('\n')}\n`;
  await run('ip', ['-n', netns, '-batch', '-'], { input, doing: `connecting ${name}` });
}
