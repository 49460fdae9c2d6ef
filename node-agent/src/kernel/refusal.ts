import { CausewayError, messageOf, visible } from '@causeway/shared/errors';

/** A line of a payload, with its number from 1. */
interface Line {
  readonly number: number;
  readonly text: string;
}

/** Most lines of a payload, or of a complaint, that an error repeats, and most characters of each. */
const SHOWN_LINES = 5;
const SHOWN_CHARACTERS = 160;

/**
 * What is told of a payload that was refused: the program's complaint and the lines that it names, on one line, each cut
 * to what a person reads. The error's value is these lines, whole.
 *
 * @returns `kernel-rejected`; `timeout` or `not-found` where that is the cause's code
 */
export function refusalOf(input: string, cause: unknown): CausewayError {
  const told = messageOf(cause);
  const lines = refusedLines(input, told);
  const known = new Set(lines.map(({ text }) => text.trim()));
  const complaint = told.split('\n').map((line) => line.trim());
  const said = complaint.filter((line) => !known.has(line) && !IDLE.test(line)).slice(0, SHOWN_LINES);
  const shown = lines
    .slice(0, SHOWN_LINES)
    .map(({ number, text }) => `line ${number}: ${shorten(text.trim())}`);
  const value = lines.map(({ text }) => text);
  const text = [said.map(shorten).join(' '), ...shown].join('; ');
  // Where the program did not come to an end, or is not there, the kernel has refused nothing.
  const { code } = cause instanceof CausewayError ? cause : {};
  const isUnasked = code === 'timeout' || code === 'not-found';
  return new CausewayError(isUnasked ? code : 'kernel-rejected', text, { cause, field: 'rules', value });
}

/** The lines of a payload that a refusal of it named; empty where it named none, or is none. */
export function linesOf(error: unknown): readonly string[] {
  if (!(error instanceof CausewayError) || error.code !== 'kernel-rejected') return [];
  return Array.isArray(error.value) ? error.value.map(String) : [];
}

/** The lines of `input` that a complaint of nft or iptables-restore names. Pure. */
export function refusedLines(input: string, complaint: string): readonly Line[] {
  const named = [...complaint.matchAll(/stdin:(\d+):|\bline:? (\d+)\b/g)].map((found) =>
    Number(found[1] ?? found[2]),
  );
  const lines = input.split('\n');
  return [...new Set(named)].flatMap((number) => {
    const text = lines[number - 1];
    return text === undefined ? [] : { number, text };
  });
}

/** What nft underlines a place with, and what iptables-restore says after each complaint. */
const IDLE = /^(?:[\^~\s]*|Try `.*)$/;

function shorten(line: string): string {
  return visible(line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line);
}
