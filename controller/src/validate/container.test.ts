import { containerInputSchema } from '@causeway/shared/model/container-input';
import { expect, it } from 'vitest';
import { checkContainer } from './container.ts';

function check(path: string): void {
  checkContainer(
    containerInputSchema.parse({ name: 'c', host: 'host-1', command: ['sh'], files: { [path]: '' } }),
  );
}

it.each([
  // 255 letters of two bytes each.
  [`/${'ü'.repeat(255)}`, 'is longer than the name of a file can be'],
  [`/${'x'.repeat(256)}`, 'is longer than the name of a file can be'],
  ['/abc'.repeat(257), 'is longer than the name of a file can be'],
])('refuses a file that the host could not put into the container: %s', (path, sentence) => {
  expect(() => check(path)).toThrow(sentence);
});

it.each(['/tmp/page', '/www/tmp/x', `/${'ü'.repeat(127)}`, '/abc'.repeat(256)])('takes %s', (path) => {
  expect(() => check(path)).not.toThrow();
});
