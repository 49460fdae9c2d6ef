/**
 * What a terminal would obey or turn around instead of showing: C0 and C1 controls, DEL, line separators,
 * and the characters that change the direction of writing.
 */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** One line that is safe to print, whoever wrote it; unsafe characters are shown as `\u001b`. */
export function safe(text: string): string {
  return text.replace(UNSAFE, visible);
}

/** The same for a text of several lines. */
export function safeLines(text: string): string {
  return text.split('\n').map(safe).join('\n');
}

/** True when `text` needs quotes and escapes. */
export function isUnsafe(text: string): boolean {
  return text.search(UNSAFE) >= 0;
}

function visible(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
