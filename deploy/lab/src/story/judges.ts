import type { Judge, Result } from './story.ts';

/** At least one echo reply. */
export const answersPing: Judge = (result) => {
  const statistics = result.stdout.split('\n').find((line) => line.includes('packets transmitted'));
  return { held: result.exitCode === 0, came: statistics ?? lastLine(result) };
};

/** The output is exactly this text, white space at the ends aside. */
export const says =
  (expected: string): Judge =>
  (result) => ({
    held: result.exitCode === 0 && result.stdout.trim() === expected,
    came: lastLine(result),
  });

/** The output matches. */
export const matches =
  (pattern: RegExp): Judge =>
  (result) => ({ held: result.exitCode === 0 && pattern.test(result.stdout), came: lastLine(result) });

/** curl was refused, and at once: exit code 7 within a second, no time-out. */
export const refusedAtOnce: Judge = (result) => ({
  held: result.exitCode === 7 && result.ms < 1000,
  came: `curl exit ${result.exitCode} after ${result.ms} ms: ${lastLine(result)}`,
});

/** curl found no way or no answer. */
export const unreached: Judge = (result) => ({
  held: result.exitCode === 7 || result.exitCode === 28,
  came: `curl exit ${result.exitCode}: ${lastLine(result)}`,
});

/** Exit code 0; shows the last line. */
export const succeeds: Judge = (result) => ({ held: result.exitCode === 0, came: lastLine(result) });

export function lastLine(result: Result): string {
  const text = result.stdout.trim() || result.stderr.trim();
  return text.split('\n').at(-1) ?? '';
}
