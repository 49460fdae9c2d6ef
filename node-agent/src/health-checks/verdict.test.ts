import { expect, it } from 'vitest';
import { afterAnswer, HEALTHY, NEW, unready, type Verdict } from './verdict.ts';

const COUNTS = { rise: 2, fall: 3 };
/** @param answers `+` and `-` @returns the state after each */
function through(first: Verdict, answers: string): readonly string[] {
  let verdict = first;
  return [...answers].map((answer, i) => {
    verdict = afterAnswer(verdict, answer === '+' ? undefined : `fault ${i}`, COUNTS);
    return verdict.state;
  });
}

it.each([
  ['a new one is healthy at its first good answer', NEW, '--+', ['new', 'new', 'healthy']],
  ['it takes so many bad answers in a row', HEALTHY, '---', ['healthy', 'healthy', 'unhealthy']],
  ['a good one between counts', HEALTHY, '--+--', Array(5).fill('healthy')],
  [
    'it takes so many good answers in a row',
    unready('x'),
    '+-++',
    [...Array(3).fill('unhealthy'), 'healthy'],
  ],
  [
    'one that was healthy before does not get back at its first',
    HEALTHY,
    '---+',
    [...Array(2).fill('healthy'), ...Array(2).fill('unhealthy')],
  ],
] as const)('%s', (_, first, answers, states) => expect(through(first, answers)).toEqual(states));

it('keeps the first reason of its own, however it complains later', () => {
  const counts = { rise: 1, fall: 1 };
  for (const begin of [HEALTHY, NEW, unready('its host was not alive')]) {
    const first = afterAnswer(begin, 'refused', counts);
    expect(first.reason).toBe('refused');
    expect(afterAnswer(first, 'silent', counts)).toBe(first);
    expect(afterAnswer(first, undefined, counts)).toBe(HEALTHY);
  }
});

it('is the same object when an answer says nothing new', () => {
  expect(afterAnswer(HEALTHY, undefined, COUNTS)).toBe(HEALTHY);
});
