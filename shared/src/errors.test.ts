import { expect, it } from 'vitest';
import { show } from './errors.ts';

it('shows any value on one line that no terminal obeys', () => {
  expect(show('a\u001b[31m\n\u009b31m\u007f\u2028\u202eb')).toBe(
    '"a\\u001b[31m\\n\\u009b31m\\u007f\\u2028\\u202eb"',
  );
  expect(show(undefined)).toBe('undefined');
  expect(show('x'.repeat(100))).toBe(`"${'x'.repeat(59)}… (102 characters)`);
});
