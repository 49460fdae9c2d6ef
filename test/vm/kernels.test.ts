import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { kernelOf, latestOf } from './kernels.ts';
import { exitCodeIn } from './machine.ts';

it('takes the latest version by its numbers', () => {
  expect(latestOf(['6.1.0-9-amd64', '6.1.0-18-amd64', '5.10.0-30-amd64'])).toBe('6.1.0-18-amd64');
  expect(latestOf(['6.12.1-1-amd64', '6.1.0-40-amd64', '6.9.7-amd64'])).toBe('6.12.1-1-amd64');
  expect(latestOf([])).toBeUndefined();
});

it('says what is wrong with what is named', () => {
  const here = process.execPath;
  expect(() => kernelOf(here, undefined)).toThrow('--kernel and --modules are named together');
  expect(() => kernelOf('/nowhere', tmpdir())).toThrow('--kernel "/nowhere": there is no such file');
  expect(() => kernelOf(here, '/nowhere')).toThrow('--modules "/nowhere": it has no modules.dep');
});

it.each([
  ['0\n', 0],
  ['12', 12],
])('takes %j for the program’s exit code', (text, code) => {
  expect(exitCodeIn(text)).toBe(code);
});

it.each(['', '\n', '1 2', 'x', '0\n\n'])('takes %j for none', (text) => {
  expect(exitCodeIn(text)).toBeUndefined();
});
