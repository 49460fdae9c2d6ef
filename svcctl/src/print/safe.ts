import { visible } from '@causeway/shared/errors';

/** One line that is safe to print, whoever wrote it; what a terminal would obey is shown as `\u001b`. */
export function safe(text: string): string {
  return visible(text);
}

/** The same for a text of several lines. */
export function safeLines(text: string): string {
  return text.split('\n').map(safe).join('\n');
}

/** True when `text` needs quotes and escapes. */
export function isUnsafe(text: string): boolean {
  return safe(text) !== text;
}
