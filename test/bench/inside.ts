import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program of the bench that works on a machine of a lab, and does what it is asked, one thing after the other. */
export interface Inside {
  /** @throws Error with its words when it fails or has ended */
  ask<T>(task: string, argument?: unknown): Promise<T>;
  close(): void;
}

interface Answer {
  readonly done?: unknown;
  readonly failed?: string;
}

export function openInside(child: ChildProcessWithoutNullStreams): Inside {
  const waiting: ((answer: Answer) => void)[] = [];
  let complaint = '';
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  child.on('exit', () => {
    for (const tell of waiting.splice(0)) tell({ failed: `it has ended: ${complaint}` });
  });
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line)));
  return {
    ask: async <T>(task: string, argument: unknown = null) => {
      const { done, failed } = await new Promise<Answer>((resolve) => {
        waiting.push(resolve);
        child.stdin.write(`${JSON.stringify({ task, argument })}\n`);
      });
      if (failed !== undefined) throw new Error(`the bench's program for "${task}": ${failed}`);
      // Both sides are of one build.
      return done as T;
    },
    close: () => child.kill('SIGKILL'),
  };
}

export type Tasks = Readonly<Record<string, (argument: unknown) => Promise<unknown>>>;

/** The other side: answers each line of its input, until that ends. */
export async function serveInside(tasks: Tasks): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { task, argument } = JSON.parse(line) as { task: string; argument: unknown };
    const answer = await perform(tasks, task, argument);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

async function perform(tasks: Tasks, task: string, argument: unknown): Promise<Answer> {
  try {
    return { done: (await tasks[task]?.(argument)) ?? null };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
