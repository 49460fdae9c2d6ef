import { expect, it } from 'vitest';
import { intentOf, manyServices, TEST_SERVICE } from '../../../../test/support/intents.ts';
import { NO_OTHERS } from './others.ts';
import { questionOf } from './question.ts';

it('asks for every jump as the first rule, and for every rule but a probability', () => {
  const question = questionOf({ role: 'serving', intent: intentOf([TEST_SERVICE]), others: NO_OTHERS }, 0);
  expect(question).toContain(`*nat
-C PREROUTING -m comment --comment "causeway: services" -j CWY-SERVICES
`);
  expect(question).toContain('\n-C CWY-SERVICES -d 2.2.2.2/32 -p tcp ');
  expect(question).not.toContain('--probability');
  expect(question).toContain(`-F CWY-SERVICES
-F CWY-POSTROUTING
-D PREROUTING 1
-D OUTPUT 1
-D POSTROUTING 1
-X CWY-SERVICES
-X CWY-POSTROUTING
COMMIT
`);
  expect(question).not.toContain('*raw');
});

it('asks beside others for the accept alone, and for nothing where nobody drops anything', () => {
  const intent = intentOf([TEST_SERVICE]);
  const beside = questionOf({ role: 'beside', intent, others: { forward: true, raw: false } }, 0);
  expect(beside.match(/^\S+ \S+/gm)).toEqual([
    '-C FORWARD',
    '-C CWY-FORWARD',
    '-C CWY-FORWARD',
    '-F CWY-FORWARD',
    '-D FORWARD',
    '-X CWY-FORWARD',
  ]);
  expect(questionOf({ role: 'beside', intent, others: NO_OTHERS }, 0)).toBe('');
});

it('asks for each of many services in turn, and never for all at once', () => {
  const expectation = { role: 'serving', intent: intentOf(manyServices(100)), others: NO_OTHERS } as const;
  const questions = Array.from({ length: 13 }, (_, turn) => questionOf(expectation, turn));
  for (let i = 0; i < 100; i++) expect(questions.join('')).toContain(`-d 10.96.0.${i}/32 `);
  for (const question of questions) expect(question.split('\n').length).toBeLessThan(120);
});
