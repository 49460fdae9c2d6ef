import { invalid } from '@causeway/shared/errors';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** Longest wait that the timers of node hold. */
const LONGEST_MS = 2 ** 31 - 1;

/** @returns milliseconds of `30s`, `500ms`, `2m`, or of a plain number of seconds */
export function parseDuration(field: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const milliseconds = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? 's'] ?? Number.NaN);
  if (!(milliseconds > 0 && milliseconds <= LONGEST_MS))
    throw invalid(field, text, 'is not a length of time such as 30s, 500ms or 2m');
  return milliseconds;
}

/** @returns seconds of `10s`, `2m`, or of a plain number of them; 0 is one of them */
export function parseWholeSeconds(field: string, text: string): number {
  const seconds = /^0+(s|m|h)?$/.test(text) ? 0 : parseDuration(field, text) / 1_000;
  if (!Number.isInteger(seconds)) throw invalid(field, text, 'is not a number of whole seconds such as 10s');
  return seconds;
}

/** The shortest way to say it: `30 s`, `250 ms`. */
export function formatDuration(milliseconds: number): string {
  return milliseconds < 1_000
    ? `${Math.round(milliseconds)} ms`
    : `${Number((milliseconds / 1_000).toFixed(1))} s`;
}

const MINUTE_S = 60;
const HOUR_S = 3_600;

/** A time for tables: `0.4s`, `12s`, `3m5s`, `23h59m`. @param seconds rounded down */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${(Math.floor(Math.max(0, seconds) * 10) / 10).toFixed(1)}s`;
  const whole = Math.floor(seconds);
  if (whole < MINUTE_S) return `${whole}s`;
  if (whole < HOUR_S) return `${Math.floor(whole / MINUTE_S)}m${whole % MINUTE_S}s`;
  return `${Math.floor(whole / HOUR_S)}h${Math.floor((whole % HOUR_S) / MINUTE_S)}m`;
}
