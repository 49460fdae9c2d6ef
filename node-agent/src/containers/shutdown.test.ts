import { expect, it } from 'vitest';
import { wentDownWith } from './shutdown.ts';

const last = { bootId: 'first', at: 1_000 };

it.each([
  ['ended after its host began to go down', last, 'first', 1_500, 'second', true],
  ['ended in that moment', last, 'first', 1_000, 'second', true],
  ['ended before', last, 'first', 999, 'second', false],
  ['was started by another boot than the one that went down', last, 'earlier', 1_500, 'second', false],
  ['was started by nobody knows which boot', last, undefined, 1_500, 'second', false],
  ['ended while its host has not gone down yet, or not after all', last, 'first', 1_500, 'first', false],
  ['ended on a host that noted nothing', undefined, 'first', 1_500, 'second', false],
])('one that %s', (_, noted, boot, endedAt, now, expected) => {
  expect(wentDownWith(noted, boot, endedAt, now)).toBe(expected);
});
