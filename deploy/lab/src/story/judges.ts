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

/** curl was refused by a packet that says so, and at once: within a second. Needs `curl -v`, which names the reason. */
export const refusedAtOnce: Judge = (result) => {
  const reason = /failed: (.+)/.exec(result.stderr)?.[1] ?? lastLine(result);
  return {
    held: result.exitCode === 7 && reason === 'Connection refused' && result.ms < 1000,
    came: `curl exit ${result.exitCode} after ${result.ms} ms: ${reason}`,
  };
};

/** curl found no way or no answer. */
export const unreached: Judge = (result) => ({
  held: result.exitCode === 7 || result.exitCode === 28,
  came: `curl exit ${result.exitCode}: ${lastLine(result)}`,
});

/** curl was told nothing until its patience ended. */
export const hearsNothing: Judge = (result) => ({
  held: result.exitCode === 28 && result.stdout === '',
  came: `curl exit ${result.exitCode}: ${lastLine(result)}`,
});

/** Exit code 0; shows all that was printed. */
export const succeeds: Judge = (result) => ({
  held: result.exitCode === 0,
  came: result.stdout.trim() || result.stderr.trim() || `exit ${result.exitCode}`,
});

export function lastLine(result: Result): string {
  const text = result.stdout.trim() || result.stderr.trim();
  return text.split('\n').at(-1) ?? '';
}
