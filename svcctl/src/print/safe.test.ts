import { expect, it } from 'vitest';
import { isUnsafe, safe, safeLines } from './safe.ts';

it('shows what a terminal would obey', () => {
  expect(safe('a\u001b[31mb\r\n\u009bc\u007f')).toBe('a\\u001b[31mb\\u000d\\u000a\\u009bc\\u007f');
});

it('shows what would turn the writing around', () => {
  expect(safe('web\u202egpj')).toBe('web\\u202egpj');
});

it('leaves ordinary text alone, in any script', () => {
  const text = 'héllo → 容器 👩‍💻 "quoted"';
  expect(safe(text)).toBe(text);
  expect(isUnsafe(text)).toBe(false);
});

it('keeps the lines of a text of several lines', () => {
  expect(safeLines('a\nb\u0007')).toBe('a\nb\\u0007');
});
