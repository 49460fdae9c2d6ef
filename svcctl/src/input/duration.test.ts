import { expect, it } from 'vitest';
import { formatDuration, parseDuration, parseWholeSeconds } from './duration.ts';

it.each([
  ['30s', 30_000],
  ['30', 30_000],
  ['500ms', 500],
  ['1.5m', 90_000],
  ['2h', 7_200_000],
])('%s is %i ms', (text, milliseconds) => {
  expect(parseDuration('timeout', text)).toBe(milliseconds);
});

it.each(['', '0', '-1s', 's', '30 s', '1d', 'forever', '9999h'])('%j is no length of time', (text) => {
  expect(() => parseDuration('timeout', text)).toThrow(`timeout "${text}" is not a length of time`);
});

it.each([
  ['0', 0],
  ['0s', 0],
  ['10', 10],
  ['2m', 120],
  ['3000ms', 3],
])('%s is %i s', (text, seconds) => {
  expect(parseWholeSeconds('stop-timeout', text)).toBe(seconds);
});

it('is told in the unit that fits', () => {
  expect([30_000, 1_500, 250].map(formatDuration)).toEqual(['30 s', '1.5 s', '250 ms']);
});
