import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: Error) => void;
}

/**
 * Calls to a program that stays: it reads each as a line of JSON with an `id`, and prints that with its `answer`, in any
 * order.
 *
 * @returns a function that fails when the program ends, or has ended, with what it complained of
 */
export function callsTo(
  child: ChildProcessWithoutNullStreams,
  what: string,
): <T>(call: object) => Promise<T> {
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let complaint = '';
  let hasEnded = false;
  const gone = () => new Error(`${what} has ended: ${complaint}`);
  const end = () => {
    hasEnded = true;
    for (const { reject } of waiting.values()) reject(gone());
    waiting.clear();
  };
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  child.once('error', end);
  child.once('close', end);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, answer } = JSON.parse(line) as { readonly id: number; readonly answer?: unknown };
    waiting.get(id)?.resolve(answer);
    waiting.delete(id);
  });
  return <T>(call: object) =>
    new Promise<unknown>((resolve, reject) => {
      if (hasEnded) throw gone();
      last += 1;
      waiting.set(last, { resolve, reject });
      child.stdin.write(`${JSON.stringify({ ...call, id: last })}\n`);
    }) as Promise<T>;
}
